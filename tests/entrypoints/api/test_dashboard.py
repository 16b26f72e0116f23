"""The dashboard over a real database, for somebody whom a proxy signs in by a bearer token."""

import pytest

from entrypoints.services import Services
from tests.entrypoints.api.conftest import Client
from tests.entrypoints.api.test_jobs import submitted

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}


@pytest.mark.parametrize("period", ["1h", "6h", "24h", "7d"])
async def test_the_overview_counts_what_was_submitted(
    as_user: Client, services: Services, period: str
) -> None:
    for _ in range(3):
        await submitted(as_user("user-1"))
    await services.statistics.advance(limit=1000)
    answer = await as_user("operator-1", "operator").get(f"/dashboard?period={period}")

    assert answer.status_code == 200
    assert ">3 submitted" in answer.text or "3 submitted\n" in answer.text


async def test_every_page_is_there(as_user: Client) -> None:
    job = await submitted(as_user("user-1"))
    operator = as_user("operator-1", "operator")
    for path in ("/jobs", "/jobs?status=pending&age=24h", f"/jobs/{job['id']}", "/operations", "/ledger"):
        answer = await operator.get(f"/dashboard{path}")
        assert (path, answer.status_code) == (path, 200)


async def test_jobs_are_cancelled_one_by_one_and_together(as_user: Client) -> None:
    client = as_user("user-1")
    first, second, third = [await submitted(client) for _ in range(3)]
    alone = await client.post(
        f"/dashboard/jobs/{first['id']}/cancel", data={"reason": "no", "version": "1"}, headers=SAME_ORIGIN
    )
    chosen = [f"{second['id']}@1", f"{third['id']}@1", f"{first['id']}@1"]
    together = await client.post(
        "/dashboard/jobs:act",
        data={"verb": "cancel", "job": chosen, "reason": "neither"},
        headers=SAME_ORIGIN,
    )

    assert alone.status_code == 303
    assert "2 jobs cancelled, 1 left alone" in together.text
    assert (await client.get(f"/jobs/{third['id']}")).json()["status"] == "cancelled"
