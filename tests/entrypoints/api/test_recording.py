"""Refusals and auditors' reads leave records of their own, bounded, and no job's version moves by them."""

from typing import Any

import httpx
import psycopg
import pytest
from psycopg.rows import dict_row

from domain.audit import session_stream
from domain.events import Actor, ActorKind
from domain.identifiers import UserId
from entrypoints.api.recording import RECORDED_OF_ALL, RECORDED_OF_ONE, WINDOW_SECONDS, Bound
from tests.builders import NOW
from tests.conftest import TestDatabase
from tests.entrypoints.api.conftest import Client
from tests.entrypoints.api.test_jobs import submitted


@pytest.fixture
def recorded(database: TestDatabase) -> Any:
    """The audit events of a type, oldest first."""

    async def read(kind: str) -> list[dict[str, Any]]:
        query = "SELECT * FROM jobledger.job_events WHERE type = %s ORDER BY id"
        async with await psycopg.AsyncConnection.connect(
            database.owner_url, row_factory=dict_row
        ) as connection:
            return await (await connection.execute(query, [kind])).fetchall()

    return read


async def cancel(client: httpx.AsyncClient, job_id: str) -> httpx.Response:
    return await client.post(f"/jobs/{job_id}/cancel", json={"reason": "no"})


async def test_a_refused_command_is_recorded_apart_from_the_job(as_user: Client, recorded: Any) -> None:
    client = as_user("user-1")
    job = await submitted(client)
    await cancel(client, job["id"])
    answer = await cancel(client, job["id"])
    (event,) = await recorded("CommandRefused")

    assert answer.status_code == 409
    assert event["facts"] == {
        "method": "POST",
        "route": "/jobs/{job_id}/cancel",
        "status": 409,
        "problem": "illegal-transition",
        "unrecorded": 0,
        "job_id": job["id"],
    }
    assert event["payload"] == {"detail": answer.json()["detail"]}
    assert (event["actor_kind"], event["actor_id"]) == ("user", "user-1")
    assert event["request_id"] == answer.json()["request_id"]
    assert event["job_id"] != job["id"]
    assert (await client.get(f"/jobs/{job['id']}")).json()["version"] == 2


async def test_what_was_tried_on_other_peoples_jobs_and_without_a_token_is_recorded(
    as_user: Client, recorded: Any
) -> None:
    job = await submitted(as_user("user-1"))
    await cancel(as_user("user-2"), job["id"])
    await cancel(as_user(None), job["id"])
    await cancel(as_user("root", "operator"), "nonsense")
    events = await recorded("CommandRefused")

    assert [(event["actor_kind"], event["actor_id"], event["facts"]["status"]) for event in events] == [
        ("user", "user-2", 404),
        ("anonymous", "anonymous", 401),
        ("operator", "root", 404),
    ]
    assert "job_id" not in events[-1]["facts"]


async def test_reading_in_vain_is_no_refused_command(as_user: Client, recorded: Any) -> None:
    await as_user("user-1").get("/jobs/019a0000-0000-7000-8000-000000000000")

    assert await recorded("CommandRefused") == []


async def test_an_auditor_can_change_nothing(as_user: Client, recorded: Any) -> None:
    job = await submitted(as_user("user-1"))
    auditor = as_user("auditor-1", "auditor")
    tried = [
        await auditor.post("/jobs", json={"job_type": "sample_task"}),
        await cancel(auditor, job["id"]),
        await auditor.post(f"/jobs/{job['id']}/retry", json={"reason": "no"}),
    ]
    events = await recorded("CommandRefused")

    assert [answer.status_code for answer in tried] == [403, 403, 403]
    assert [(event["actor_kind"], event["facts"]["problem"]) for event in events] == [
        ("auditor", "not-permitted")
    ] * 3


async def test_an_operators_act_needs_a_reason(as_user: Client) -> None:
    job = await submitted(as_user("user-1"))
    operator = as_user("root", "operator")

    assert (await operator.post(f"/jobs/{job['id']}/cancel")).status_code == 422
    assert (await operator.post(f"/jobs/{job['id']}/cancel", json={})).status_code == 422
    assert (await operator.post(f"/jobs/{job['id']}/cancel", json={"reason": ""})).status_code == 422
    assert (await cancel(operator, job["id"])).status_code == 200
    history = (await as_user("user-1").get(f"/jobs/{job['id']}/events")).json()["events"]
    assert history[-1]["actor"] == {"kind": "operator", "id": "root"}
    assert history[-1]["data"]["reason"] == "no"


async def test_an_auditors_reading_is_recorded_once_a_session(as_user: Client, recorded: Any) -> None:
    first, second = [await submitted(as_user("user-1")) for _ in range(2)]
    auditor = as_user("auditor-1", "auditor")
    for path in (f"/jobs/{first['id']}?as_of=1", f"/jobs/{second['id']}", f"/jobs/{first['id']}/events"):
        assert (await auditor.get(path)).status_code == 200
    (event,) = await recorded("HistoryRead")

    assert event["facts"] == {"route": "/jobs/{job_id}"}
    assert event["payload"] == {"query": "as_of=1"}
    assert (event["actor_kind"], event["actor_id"]) == ("auditor", "auditor-1")


async def test_reading_ones_own_jobs_is_not_recorded(as_user: Client, recorded: Any) -> None:
    client = as_user("user-1")
    job = await submitted(client)
    await client.get(f"/jobs/{job['id']}/events")

    assert await recorded("HistoryRead") == []


async def test_refusals_without_number_are_counted_and_not_recorded(as_user: Client, recorded: Any) -> None:
    client = as_user("user-1")
    for _ in range(RECORDED_OF_ONE + 5):
        await cancel(client, "019a0000-0000-7000-8000-000000000000")
    await cancel(as_user("user-2"), "019a0000-0000-7000-8000-000000000000")
    events = await recorded("CommandRefused")

    assert len(events) == RECORDED_OF_ONE + 1
    assert events[-1]["facts"]["unrecorded"] == 5


def test_the_bound_is_of_each_and_of_all_and_ends_with_its_minute() -> None:
    now = 0.0
    bound = Bound(lambda: now)
    passed = [bound.pass_through(Actor(ActorKind.USER, f"user-{n}")) for n in range(RECORDED_OF_ALL + 7)]

    assert passed == [0] * RECORDED_OF_ALL + [None] * 7
    now = WINDOW_SECONDS
    assert bound.pass_through(Actor(ActorKind.USER, "user-1")) == 7


def test_a_session_has_one_stream_an_hour_wherever_it_is_asked_for() -> None:
    ada = UserId("ada")
    stream = session_stream(ada, "session-1", NOW)

    assert stream == session_stream(ada, "session-1", NOW.replace(minute=59))
    assert stream[14] == "7"
    assert stream[:13].replace("-", "") == f"{int(NOW.timestamp() * 1000):012x}"
    others = {
        session_stream(ada, "session-2", NOW),
        session_stream(UserId("eve"), "session-1", NOW),
        session_stream(ada, "session-1", NOW.replace(hour=13)),
    }
    assert len(others | {stream}) == 4


async def test_a_command_with_a_bad_field_is_recorded_and_one_that_cannot_be_read_is_not(
    as_user: Client, recorded: Any
) -> None:
    client = as_user("user-1")
    await client.post("/jobs", json={"job_type": "sample_task", "priority": 10})
    await client.post("/jobs", content=b"{", headers={"Content-Type": "application/json"})
    await client.post("/jobs", content=b"x", headers={"Content-Type": "text/plain"})
    (event,) = await recorded("CommandRefused")

    assert (event["actor_id"], event["facts"]["problem"]) == ("user-1", "invalid-request")
    assert "/priority" in event["payload"]["detail"]
