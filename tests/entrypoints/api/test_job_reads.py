"""Finding jobs, and reading what others did, over HTTP."""

from typing import Any

import httpx
import pytest

from domain.lifecycle import TABLE, Status
from entrypoints.api.catalogue import JobTypesOut, LifecycleOut
from tests.entrypoints.api.conftest import Client
from tests.entrypoints.api.test_jobs import submitted


async def ids(client: httpx.AsyncClient, **query: Any) -> list[str]:
    answer = await client.get("/jobs", params=query)
    assert answer.status_code == 200, answer.text
    return [job["id"] for job in answer.json()["jobs"]]


async def test_jobs_are_found_by_any_of_several_statuses_and_by_time(client: httpx.AsyncClient) -> None:
    first, second, third = [await submitted(client) for _ in range(3)]
    await client.post(f"/jobs/{first['id']}/cancel", json={"reason": "no"})

    assert await ids(client, status=["cancelled", "failed"]) == [first["id"]]
    assert await ids(client, status=["cancelled", "pending"]) == [third["id"], second["id"], first["id"]]
    assert await ids(client, created_after=second["created_at"]) == [third["id"], second["id"]]
    assert await ids(client, created_before=second["created_at"]) == [first["id"]]


async def test_the_next_page_keeps_every_filter(client: httpx.AsyncClient) -> None:
    jobs = [await submitted(client, tags=["a"]) for _ in range(3)]
    query = {
        "status": ["pending", "failed"], "tag": "a", "limit": 1, "created_after": jobs[1]["created_at"]
    }  # fmt: skip
    page = (await client.get("/jobs", params=query)).json()
    last = await client.get(page["next"])

    assert [page["jobs"][0]["id"], last.json()["jobs"][0]["id"]] == [jobs[2]["id"], jobs[1]["id"]]
    assert last.json()["next"] is None
    assert "Link" not in last.headers


async def test_a_cursor_is_of_no_use_to_other_users_or_filters(as_user: Client) -> None:
    for _ in range(2):
        await submitted(as_user("user-1"))
    page = (await as_user("user-1").get("/jobs?limit=1")).json()

    assert (await as_user("user-2").get(page["next"])).status_code == 422
    changed = page["next"] + "&created_after=2020-01-01T00:00:00Z"
    assert (await as_user("user-1").get(changed)).status_code == 422


async def test_a_count_is_given_on_request_only(as_user: Client) -> None:
    for _ in range(3):
        await submitted(as_user("user-1"))
    await submitted(as_user("user-2"))
    client = as_user("user-1")

    assert "count" not in (await client.get("/jobs")).json()
    exact = (await client.get("/jobs?count=exact&limit=1")).json()["count"]
    assert exact == {"jobs": 3, "is_exact": True}
    assert (await client.get("/jobs?count=estimated")).json()["count"]["is_exact"] is False


@pytest.mark.parametrize(
    "query", ["created_after=1700000000", "created_before=x", "status=done", "count=some", "offset=10001"]
)
async def test_a_filter_that_makes_no_sense_is_refused(client: httpx.AsyncClient, query: str) -> None:
    assert (await client.get(f"/jobs?{query}")).status_code == 422


async def test_an_auditor_reads_every_history_and_changes_none(as_user: Client) -> None:
    job = await submitted(as_user("user-1"))
    auditor = as_user("auditor-1", "auditor")

    assert (await auditor.get(f"/jobs/{job['id']}")).json() == job
    assert (await auditor.get(f"/jobs/{job['id']}/events")).status_code == 200
    refused = await auditor.post(f"/jobs/{job['id']}/cancel", json={"reason": "no"})
    assert refused.status_code == 403


async def test_job_types_come_with_the_schema_of_their_parameters(client: httpx.AsyncClient) -> None:
    found = JobTypesOut.model_validate((await client.get("/job-types")).json())
    (sample,) = [kind for kind in found.job_types if kind.name == "sample_task"]

    assert "steps" in sample.parameters["properties"]
    assert sample.description


async def test_the_lifecycle_is_told_whole(as_user: Client) -> None:
    anybody = as_user(None)
    found = LifecycleOut.model_validate((await anybody.get("/lifecycle")).json())
    drawn = await anybody.get("/lifecycle?form=mermaid")
    negotiated = await anybody.get("/lifecycle", headers={"Accept": "text/vnd.mermaid"})

    assert [state.name for state in found.states] == list(Status)
    assert len(found.moves) == len(TABLE)
    assert drawn.text == negotiated.text
    assert drawn.text.startswith("---") or "stateDiagram" in drawn.text
    assert drawn.headers["Content-Type"].startswith("text/vnd.mermaid")
