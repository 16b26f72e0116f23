"""Two users who never see each other, wherever they look; and everybody sees at once what they did."""

import asyncio
from typing import Any

import httpx
import pytest

from entrypoints import bootstrap
from entrypoints.settings import Settings
from tests.entrypoints.api.conftest import Client, MakeApp
from tests.entrypoints.api.test_jobs import UNKNOWN, submitted

TASK = {"job_type": "sample_task"}


def without_names(answer: httpx.Response, job_id: str) -> tuple[int, str]:
    """What a stranger can learn: everything but what they sent themselves, and the request's own id."""
    told: dict[str, Any] = answer.json()
    told.pop("request_id")
    return answer.status_code, str(told).replace(job_id, "ID")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/jobs/{}", None),
        ("GET", "/jobs/{}?as_of=1", None),
        ("GET", "/jobs/{}/events", None),
        ("GET", "/jobs/{}/events/stream", None),
        ("GET", "/jobs/{}/explain", None),
        ("POST", "/jobs/{}/cancel", {"reason": "r"}),
        ("POST", "/jobs/{}/retry", {"reason": "r"}),
    ],
)
async def test_another_users_job_is_as_absent_as_one_that_never_was(
    as_user: Client, method: str, path: str, body: dict[str, Any] | None
) -> None:
    job = await submitted(as_user("user-1"))
    stranger = as_user("user-2")
    headers = {"Prefer": "wait=5", "If-Match": '"1"', "If-None-Match": '"1"', "Last-Event-ID": "0"}
    answers = [
        without_names(await stranger.request(method, path.format(job_id), json=body, headers=headers), job_id)
        for job_id in (job["id"], UNKNOWN)
    ]

    assert answers[0][0] == 404
    assert answers[0] == answers[1]


async def test_lists_counts_keys_and_batches_hold_only_ones_own(as_user: Client) -> None:
    first, second = as_user("user-1"), as_user("user-2")
    keyed = {"Idempotency-Key": "order-1"}
    ids: dict[str, set[str]] = {"user-1": set(), "user-2": set()}
    for client, user in ((first, "user-1"), (second, "user-2")):
        job = await client.post("/jobs", json=TASK | {"unique_key": "u", "tags": [user]}, headers=keyed)
        batch = (await client.post("/jobs/batch", json={"jobs": [TASK | {"idempotency_key": "own"}]})).json()
        assert job.status_code == 202
        assert [result["status"] for result in batch["results"]] == [202]
        ids[user] = {job.json()["id"], batch["results"][0]["job"]["id"]}
    for client, user in ((first, "user-1"), (second, "user-2")):
        page = (await client.get("/jobs?count=exact")).json()
        assert {job["id"] for job in page["jobs"]} == ids[user]
        assert page["count"]["jobs"] == 2
        assert {job["user_id"] for job in page["jobs"]} == {user}
    assert (await second.get("/jobs?tag=user-1")).json()["jobs"] == []
    mine = (await second.post("/jobs:cancel", json={"reason": "r", "filter": {}})).json()["jobs"]
    assert {job["job_id"] for job in mine} == ids["user-2"]


async def test_what_was_answered_is_what_every_replica_shows_at_once(
    client: httpx.AsyncClient, make_app: MakeApp, settings: Settings
) -> None:
    async with bootstrap.open_services(settings) as other_services:
        replica_app = make_app(settings)
        replica_app.state.services = other_services
        transport = httpx.ASGITransport(replica_app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://test", headers=client.headers
        ) as replica:

            async def round_trip(number: int) -> None:
                answer = await client.post("/jobs", json=TASK | {"priority": number % 10})
                shown = await replica.get(answer.headers["Location"])
                assert shown.json() == answer.json()
                assert shown.headers["ETag"] == answer.headers["ETag"]
                cancelled = await replica.post(f"{answer.headers['Location']}/cancel", json={"reason": "r"})
                assert (await client.get(answer.headers["Location"])).json() == cancelled.json()

            await asyncio.gather(*(round_trip(number) for number in range(20)))
