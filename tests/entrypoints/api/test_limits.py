"""Queues and limits over HTTP, and what `explain` says of what they hold."""

from typing import Any

import httpx
import pytest

from entrypoints.services import Services
from tests.entrypoints.api.conftest import Client
from tests.entrypoints.api.test_job_explanation import explained, relay
from tests.entrypoints.api.test_jobs import submitted

WHY = {"reason": "because"}


@pytest.fixture(name="operator")
def operator_of(as_user: Client) -> httpx.AsyncClient:
    return as_user("olga", "operator")


async def limited(operator: httpx.AsyncClient, **asked: Any) -> dict[str, Any]:
    answer = await operator.put("/limits", json={"user_id": "user-1"} | asked | WHY)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_queue_is_paused_and_resumed_and_remembers_by_whom(
    client: httpx.AsyncClient, operator: httpx.AsyncClient
) -> None:
    paused = (await operator.post("/queues/sample_task/pause", json=WHY)).json()
    seen = (await client.get("/queues/sample_task")).json()
    resumed = (await operator.post("/queues/sample_task/resume", json=WHY)).json()
    events = (await operator.get("/queues/sample_task/events")).json()["events"]

    assert paused == seen == {"name": "sample_task", "is_paused": True, "version": 1}
    assert resumed == {"name": "sample_task", "is_paused": False, "version": 2}
    assert [(event["type"], event["actor"], event["data"]["reason"]) for event in events] == [
        ("QueuePaused", {"kind": "operator", "id": "olga"}, "because"),
        ("QueueResumed", {"kind": "operator", "id": "olga"}, "because"),
    ]
    assert resumed in (await operator.get("/queues")).json()["queues"]


async def test_only_operators_pause_and_limit_and_only_they_and_auditors_read_limits(as_user: Client) -> None:
    user, auditor = as_user("user-1"), as_user("audrey", "auditor")
    asked = {"user_id": "user-1", "concurrency": 1} | WHY
    refused = [
        await user.post("/queues/sample_task/pause", json=WHY),
        await user.post("/queues/sample_task/resume", json=WHY),
        await user.put("/limits", json=asked),
        await user.post("/limits/remove", json={"user_id": "user-1"} | WHY),
        await user.get("/limits"),
        await user.get("/limits/events?user_id=user-1"),
        await user.get("/queues/sample_task/events"),
        await auditor.put("/limits", json=asked),
    ]

    assert [answer.status_code for answer in refused] == [403] * len(refused)
    assert (await auditor.get("/limits")).json() == {"limits": []}


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ({"user_id": "user-1", "concurrency": 1}, "/reason"),
        ({"user_id": "user-1"} | WHY, ""),
        ({"user_id": "user-1", "concurrency": -1} | WHY, "/concurrency"),
        ({"user_id": "*", "group_key": "a", "concurrency": 1} | WHY, "/group_key"),
        ({"user_id": "user-1", "rate": {"starts": 0}} | WHY, "/rate/starts"),
        ({"user_id": "user-1", "weight": 0} | WHY, "/weight"),
    ],
)
async def test_a_limit_that_cannot_be_meant_is_refused(
    operator: httpx.AsyncClient, asked: dict[str, Any], pointer: str
) -> None:
    answer = await operator.put("/limits", json=asked)

    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


async def test_what_is_not_there_is_not_found(operator: httpx.AsyncClient) -> None:
    answers = [
        await operator.post("/queues/nothing/pause", json=WHY),
        await operator.get("/queues/nothing"),
        await operator.post("/limits/remove", json={"user_id": "nobody"} | WHY),
    ]

    assert [answer.status_code for answer in answers] == [404] * 3


async def test_a_limit_is_set_listed_and_removed_and_its_history_stays(operator: httpx.AsyncClient) -> None:
    made = await limited(operator, group_key="customer-9", concurrency=2, rate={"starts": 5}, weight=3)
    listed = (await operator.get("/limits")).json()
    gone = await operator.post("/limits/remove", json={"user_id": "user-1", "group_key": "customer-9"} | WHY)
    events = (await operator.get("/limits/events?user_id=user-1&group_key=customer-9")).json()["events"]

    assert made == {
        "user_id": "user-1", "group_key": "customer-9", "version": 1, "concurrency": 2,
        "rate": {"starts": 5, "per_seconds": 1, "burst": 1}, "weight": 3,
    }  # fmt: skip
    assert (listed, gone.status_code) == ({"limits": [made]}, 204)
    assert [event["type"] for event in events] == ["LimitSet", "LimitRemoved"]
    assert (await operator.get("/limits")).json() == {"limits": []}


async def test_a_job_of_a_paused_queue_says_so(
    client: httpx.AsyncClient, operator: httpx.AsyncClient
) -> None:
    await operator.post("/queues/sample_task/pause", json=WHY)
    told = await explained(client, await submitted(client))

    assert (told["reason"], told["told"]) == ("queue_paused", "The queue 'sample_task' is paused.")
    assert told["held_by"]["queue"] == "sample_task"
    assert "resumes" in told["next"]["told"]


async def test_a_job_held_by_its_users_limit_says_which_and_how_much_of_it_is_taken(
    client: httpx.AsyncClient, operator: httpx.AsyncClient, services: Services
) -> None:
    await limited(operator, concurrency=1)
    await submitted(client)
    job = await submitted(client)
    await relay(services)
    told = await explained(client, job)

    assert told["reason"] == "concurrency_limit"
    assert told["told"] == "The job's user may have 1 attempt queued or running at once, and has 1."
    assert told["held_by"] == {
        "queue": None, "user_id": "user-1", "group_key": None, "concurrency": 1, "rate": None, "taken": 1,
    }  # fmt: skip


async def test_a_job_held_by_its_groups_limit_says_so_and_another_groups_is_not(
    client: httpx.AsyncClient, operator: httpx.AsyncClient, services: Services
) -> None:
    await limited(operator, group_key="*", concurrency=1)
    await submitted(client, group_key="a")
    job, free = await submitted(client, group_key="a"), await submitted(client, group_key="b")
    await services.outbox.relay(limit=1, max_visible=10)
    told, other = await explained(client, job), await explained(client, free)

    assert (told["reason"], told["held_by"]["group_key"], told["held_by"]["taken"]) == (
        "concurrency_limit", "*", 1,
    )  # fmt: skip
    assert (other["reason"], other["held_by"]) == ("no_worker", None)
    assert (await client.get(f"/jobs/{job['id']}")).json()["group_key"] == "a"


async def test_a_job_held_by_a_rate_says_from_when_on_it_may_go(
    client: httpx.AsyncClient, operator: httpx.AsyncClient, services: Services
) -> None:
    await limited(operator, rate={"starts": 1, "per_seconds": 3600})
    await submitted(client)
    job = await submitted(client)
    await relay(services)
    told = await explained(client, job)

    assert told["reason"] == "rate_limit"
    assert told["next"]["at"] > told["at"]
    assert told["held_by"]["rate"] == {"starts": 1, "per_seconds": 3600, "burst": 1}
