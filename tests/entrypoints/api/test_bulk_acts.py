"""Cancelling and retrying many jobs over HTTP."""

from typing import Any

import httpx
import pytest

from entrypoints.api.bulk_acts import ActOnJobsOut
from entrypoints.services import Services
from tests.entrypoints.api.conftest import Client
from tests.entrypoints.api.test_jobs import UNKNOWN, started, submitted


async def act(client: httpx.AsyncClient, name: str, **asked: Any) -> dict[str, Any]:
    answer = await client.post(f"/jobs:{name}", json={"reason": "all of them"} | asked)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    ActOnJobsOut.model_validate(found)
    return found


def chosen(shown: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"job_id": job["job_id"], "version": job["version"]} for job in shown["jobs"]]


async def test_a_filter_shows_and_the_list_that_it_shows_acts(
    client: httpx.AsyncClient, services: Services
) -> None:
    waiting = await submitted(client, tags=["nightly"])
    running = await submitted(client, tags=["nightly"])
    other = await submitted(client)
    await started(services, running["id"])
    shown = await act(client, "cancel", filter={"tag": "nightly"})
    told = {job["job_id"]: (job["event"], job["becomes"], job["is_done"]) for job in shown["jobs"]}
    assert told == {
        waiting["id"]: ("JobCancelled", "cancelled", False),
        running["id"]: ("CancellationRequested", "cancelling", False),
    }
    assert (shown["dry_run"], shown["is_complete"], shown["done"]) == (True, True, 0)

    done = await act(client, "cancel", jobs=chosen(shown), dry_run=False)
    statuses = [
        (await client.get(f"/jobs/{job['id']}")).json()["status"] for job in (waiting, running, other)
    ]
    events = (await client.get(f"/jobs/{waiting['id']}/events")).json()["events"]

    assert (done["done"], done["refused"]) == (2, 0)
    assert statuses == ["cancelled", "cancelling", "pending"]
    assert events[-1]["data"]["reason"] == "all of them"


async def test_who_cancelled_by_mistake_retries_by_filter(client: httpx.AsyncClient) -> None:
    jobs = [await submitted(client) for _ in range(3)]
    shown = await act(client, "cancel", filter={})
    await act(client, "cancel", jobs=chosen(shown), dry_run=False)
    again = await act(client, "retry", filter={"status": ["cancelled"]})
    done = await act(client, "retry", jobs=chosen(again), dry_run=False)

    assert (again["jobs"][0]["event"], again["jobs"][0]["becomes"]) == ("JobRetried", "pending")
    assert (done["done"], len(jobs)) == (3, 3)


async def test_a_job_that_moved_on_gets_a_problem_of_its_own(
    client: httpx.AsyncClient, services: Services
) -> None:
    first, second = await submitted(client), await submitted(client)
    shown = await act(client, "cancel", filter={})
    await started(services, first["id"])
    unknown = {"job_id": UNKNOWN, "version": 1}
    done = await act(client, "cancel", jobs=[*chosen(shown), unknown], dry_run=False)
    problems = {job["job_id"]: job["problem"] and job["problem"]["status"] for job in done["jobs"]}

    assert problems == {first["id"]: 412, second["id"]: None, UNKNOWN: 404}


async def test_other_peoples_jobs_are_for_operators(as_user: Client) -> None:
    job = await submitted(as_user("user-1"))
    await submitted(as_user("user-2"))
    stranger, operator = as_user("user-3"), as_user("op", "operator")
    mine = [{"job_id": job["id"], "version": 1}]

    assert (await act(stranger, "cancel", filter={}))["jobs"] == []
    found = (await act(stranger, "cancel", jobs=mine, dry_run=False))["jobs"]
    assert [item["problem"]["status"] for item in found] == [404]
    for whose in ("user-1", "*"):
        refused = await stranger.post("/jobs:cancel", json={"reason": "r", "filter": {"user_id": whose}})
        assert refused.status_code == 403
    assert (await act(operator, "cancel", filter={}))["jobs"] == []
    assert len((await act(operator, "cancel", filter={"user_id": "*"}))["jobs"]) == 2
    shown = await act(operator, "cancel", filter={"user_id": "user-1"})
    done = await act(operator, "cancel", jobs=chosen(shown), dry_run=False, on_behalf_of="user-1")
    events = (await as_user("user-1").get(f"/jobs/{job['id']}/events")).json()["events"]

    assert done["done"] == 1
    assert events[-1]["actor"] == {"kind": "operator", "id": "op"}
    assert events[-1]["data"]["on_behalf_of"] == "user-1"


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ({}, "/filter"),
        ({"filter": {}, "jobs": [{"job_id": UNKNOWN, "version": 1}]}, "/filter"),
        ({"filter": {}, "dry_run": False}, "/dry_run"),
        ({"jobs": [{"job_id": UNKNOWN, "version": 1}] * 2}, "/jobs"),
        ({"jobs": []}, "/jobs"),
        ({"jobs": [{"job_id": "x", "version": 1}]}, "/jobs/0/job_id"),
        ({"filter": {"status": ["odd"]}}, "/filter/status/0"),
        ({"filter": {"surprise": 1}}, "/filter/surprise"),
    ],
)
async def test_what_makes_no_sense_is_refused(
    client: httpx.AsyncClient, asked: dict[str, Any], pointer: str
) -> None:
    answer = await client.post("/jobs:cancel", json={"reason": "r"} | asked)

    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


async def test_an_act_on_many_needs_a_reason_too(client: httpx.AsyncClient) -> None:
    assert (await client.post("/jobs:retry", json={"filter": {}})).status_code == 422
