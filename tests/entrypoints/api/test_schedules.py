"""Schedules over HTTP."""

from typing import Any

import httpx
import pytest

from tests.entrypoints.api.conftest import Client

JOB = {"job_type": "sample_task", "tags": ["n"]}
ASKED = {"cron": "30 2 * * *", "time_zone": "Europe/Berlin", "job": JOB}
WHY = {"reason": "because"}


async def created(client: httpx.AsyncClient, **asked: Any) -> dict[str, Any]:
    answer = await client.post("/schedules", json=ASKED | asked)
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == f"/schedules/{answer.json()['id']}"
    schedule: dict[str, Any] = answer.json()
    return schedule


async def test_a_schedule_lives_from_definition_to_removal(client: httpx.AsyncClient) -> None:
    schedule = await created(client)
    place = f"/schedules/{schedule['id']}"
    assert (await client.get(place)).json() == schedule
    assert (await client.get("/schedules")).json() == {"schedules": [schedule]}
    runs = (await client.get(f"{place}/runs")).json()["runs"]
    assert (len(runs), runs[0], sorted(runs)) == (10, schedule["next_at"], runs)

    paused = (await client.post(f"{place}/pause", json=WHY)).json()
    assert (paused["is_paused"], paused["next_at"]) == (True, None)
    assert (await client.get(f"{place}/runs")).json() == {"runs": []}
    triggered = await client.post(f"{place}/trigger", json=WHY)
    assert triggered.status_code == 202
    job = (await client.get(triggered.headers["Location"])).json()
    assert (job["status"], job["tags"]) == ("pending", ["n", f"schedule:{schedule['id']}"])
    resumed = (await client.post(f"{place}/resume", json=WHY)).json()
    assert (resumed["is_paused"], resumed["last_job_id"]) == (False, job["id"])
    changed = (await client.put(place, json=ASKED | {"cron": "0 4 * * *"})).json()
    assert (changed["cron"], changed["version"]) == ("0 4 * * *", 5)

    events = (await client.get(f"{place}/events")).json()["events"]
    assert [event["type"] for event in events] == [
        "ScheduleDefined", "SchedulePaused", "ScheduleTriggered", "ScheduleResumed", "ScheduleDefined",
    ]  # fmt: skip
    assert (events[1]["data"]["reason"], events[1]["actor"]["id"]) == ("because", "user-1")
    assert (await client.post(f"{place}/remove", json=WHY)).status_code == 204
    assert (await client.get(place)).status_code == 404


async def test_times_can_be_looked_at_before_anything_is_scheduled(client: httpx.AsyncClient) -> None:
    answer = await client.post("/schedules/preview", json={"cron": "0 9 * * MON-FRI", "count": 3})

    assert answer.status_code == 200
    assert len(answer.json()["runs"]) == 3


async def test_other_peoples_schedules_are_absent(as_user: Client) -> None:
    schedule = await created(as_user("user-1"))
    other = as_user("user-2")
    asked = [
        await other.get(f"/schedules/{schedule['id']}"),
        await other.put(f"/schedules/{schedule['id']}", json=ASKED),
        await other.post(f"/schedules/{schedule['id']}/trigger", json=WHY),
        await other.post(f"/schedules/{schedule['id']}/remove", json=WHY),
        await other.get(f"/schedules/{schedule['id']}/events"),
        await other.get("/schedules/no-id"),
    ]

    assert {answer.status_code for answer in asked} == {404}
    assert (await other.get("/schedules")).json() == {"schedules": []}


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ({"cron": "never at all"}, "/cron"),
        ({"time_zone": "Mars/Base"}, "/time_zone"),
        ({"missed_runs": "some"}, "/missed_runs"),
        ({"job": {"job_type": "nobody_knows"}}, "/job/job_type"),
        ({"job": {"job_type": "sample_task", "job_parameters": {"steps": "x"}}}, "/job/job_parameters/steps"),
        ({"job": {"job_type": "sample_task", "run_at": "2030-01-01T00:00:00Z"}}, "/job/run_at"),
        ({"job": {"job_type": "sample_task", "job_parameters": {"x": "y" * 300_000}}}, "/job/job_parameters"),
    ],
)
async def test_a_wrong_field_is_named(client: httpx.AsyncClient, asked: dict[str, Any], pointer: str) -> None:
    answer = await client.post("/schedules", json=ASKED | asked)

    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
