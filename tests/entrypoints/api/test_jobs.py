"""Jobs over HTTP, as clients see them."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest
from fastapi import FastAPI

from domain import decisions
from domain.identifiers import JobId, MessageId, WorkerId
from domain.job import Job, Lease
from domain.ports.event_store import Appended, Change
from domain.views import JobView
from entrypoints.api.answers import EventOut, JobOut
from entrypoints.services import Services
from tests.builders import provenance
from tests.conftest import TestDatabase
from tests.entrypoints.api.conftest import Client

UNKNOWN = "019a0000-0000-7000-8000-00000000000a"


async def submitted(client: httpx.AsyncClient, **asked: Any) -> dict[str, Any]:
    answer = await client.post("/jobs", json={"job_type": "sample_task"} | asked)
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = answer.json()
    return job


async def started(services: Services, job_id: str) -> None:
    """Let a worker claim the job, without running it."""
    before = await services.views.get(JobId(job_id))
    assert before is not None
    event = decisions.start(before.job, lease=Lease(WorkerId("w"), MessageId(1), 1), compute="local")
    change = Change(job_id=before.job.id, before=before, event=event, provenance=provenance())
    (outcome,) = await services.store.append([change])
    assert isinstance(outcome, Appended)


async def test_a_submitted_job_is_accepted_and_can_be_found(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/jobs",
        json={"job_type": "sample_task", "job_parameters": {"steps": 2}, "priority": 7, "tags": ["a"]},
    )
    job = answer.json()

    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/jobs/{job['id']}"
    assert answer.headers["ETag"] == '"1"'
    assert (await client.get(answer.headers["Location"])).json() == job
    assert (job["status"], job["priority"], job["tags"]) == ("pending", 7, ["a"])


async def test_what_the_answers_say_is_what_the_documentation_promises(client: httpx.AsyncClient) -> None:
    job = await submitted(client)
    events = (await client.get(job["links"]["events"])).json()["events"]

    assert JobOut.model_validate(job).model_fields_set == set(job)
    assert set(JobOut.model_fields) == set(job)
    assert set(EventOut.model_fields) == set(events[0])


async def test_the_history_names_actor_and_request(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/jobs", json={"job_type": "sample_task"}, headers={"X-Request-ID": "request-17"}
    )
    (event,) = (await client.get(answer.json()["links"]["events"])).json()["events"]

    assert answer.headers["X-Request-ID"] == "request-17"
    assert event["type"] == "JobSubmitted"
    assert event["actor"] == {"kind": "user", "id": "user-1"}
    assert event["request_id"] == "request-17"


async def test_times_are_told_in_utc(client: httpx.AsyncClient) -> None:
    job = await submitted(client, run_at="2100-01-01T12:00:00+02:00")

    assert job["run_at"] == job["due_at"] == "2100-01-01T10:00:00.000000Z"


async def test_the_same_instant_written_otherwise_is_the_same_request(client: httpx.AsyncClient) -> None:
    bodies = [
        {"job_type": "sample_task", "run_at": run_at}
        for run_at in ("2100-01-01T12:00:00+02:00", "2100-01-01T10:00:00Z")
    ]
    answers = [
        await client.post("/jobs", json=body, headers={"Idempotency-Key": "order-17"}) for body in bodies
    ]

    assert answers[0].json() == answers[1].json()
    assert answers[1].headers["Idempotency-Replayed"] == "true"


async def test_numbers_beyond_a_double_come_back_as_they_were(client: httpx.AsyncClient) -> None:
    value = {"big": 2**70, "ratio": 0.1, "tiny": 5e-324, "text": "Grüße \U0001f600"}
    job = await submitted(client, job_parameters={"result": value})

    assert (await client.get(f"/jobs/{job['id']}")).json()["job_parameters"] == {"result": value}


async def test_another_users_job_is_not_found(as_user: Client) -> None:
    job = await submitted(as_user("user-1"))
    stranger = as_user("user-2")

    for path in (f"/jobs/{job['id']}", f"/jobs/{job['id']}/events"):
        assert (await stranger.get(path)).status_code == 404
    for act in ("cancel", "retry"):
        answer = await stranger.post(f"/jobs/{job['id']}/{act}", json={"reason": "mine now"})
        assert answer.status_code == 404
    assert (await stranger.get("/jobs")).json()["jobs"] == []


@pytest.mark.parametrize("job_id", ["1", "nonsense", UNKNOWN, UNKNOWN.upper(), "%00", "a" * 3000])
async def test_a_job_that_does_not_exist_is_not_found(client: httpx.AsyncClient, job_id: str) -> None:
    assert (await client.get(f"/jobs/{job_id}")).status_code == 404


async def test_the_same_key_gives_the_same_answer_again(
    client: httpx.AsyncClient, services: Services
) -> None:
    headers = {"Idempotency-Key": '"order-17"'}
    body = {"job_type": "sample_task", "job_parameters": {"steps": 2}}
    first = await client.post("/jobs", json=body, headers=headers)
    await started(services, first.json()["id"])
    again = await client.post("/jobs", json=body, headers={"Idempotency-Key": "order-17"})

    assert again.status_code == 202
    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers


async def test_the_same_key_with_another_body_is_refused_and_says_what_differs(
    client: httpx.AsyncClient,
) -> None:
    headers = {"Idempotency-Key": "order-17"}
    first = await client.post("/jobs", json={"job_type": "sample_task"}, headers=headers)
    other = await client.post("/jobs", json={"job_type": "sample_task", "priority": 3}, headers=headers)

    assert other.status_code == 422
    assert other.json()["type"] == "/problems/idempotency-key-reused"
    assert other.json()["job_id"] == first.json()["id"]
    assert other.json()["errors"] == [{"pointer": "/priority", "detail": "Differs."}]


async def test_two_users_may_use_the_same_key(as_user: Client) -> None:
    headers = {"Idempotency-Key": "order-17"}
    answers = [
        await as_user(user).post("/jobs", json={"job_type": "sample_task"}, headers=headers)
        for user in ("user-1", "user-2")
    ]

    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json()["id"] != answers[1].json()["id"]


async def test_a_unique_key_is_held_until_its_job_ends(client: httpx.AsyncClient) -> None:
    job = await submitted(client, unique_key="invoice-1")
    refused = await client.post("/jobs", json={"job_type": "sample_task", "unique_key": "invoice-1"})
    assert refused.status_code == 409
    assert refused.json()["job_id"] == job["id"]

    await client.post(f"/jobs/{job['id']}/cancel", json={"reason": "wrong invoice"})
    successor = await submitted(client, unique_key="invoice-1")
    retried = await client.post(f"/jobs/{job['id']}/retry", json={"reason": "right after all"})
    assert retried.status_code == 409
    assert retried.json()["job_id"] == successor["id"]


async def test_who_asks_for_the_holder_of_a_unique_key_gets_it(
    client: httpx.AsyncClient, services: Services
) -> None:
    job = await submitted(client, unique_key="invoice-1")
    await started(services, job["id"])
    asked = {"job_type": "sample_task", "unique_key": "invoice-1", "unique_key_conflict": "return_existing"}
    answer = await client.post("/jobs", json=asked)

    assert answer.status_code == 200
    assert (answer.json()["id"], answer.json()["status"]) == (job["id"], "processing")
    assert answer.headers["Location"] == f"/jobs/{job['id']}"
    assert answer.headers["ETag"] == '"2"'


async def test_a_twin_waits_for_the_first_and_is_told_to_come_again_when_that_takes_long(
    app: FastAPI, client: httpx.AsyncClient, database: TestDatabase
) -> None:
    app.state.settings = app.state.settings.model_copy(update={"idempotency_wait_seconds": 0.2})
    body = {"job_type": "sample_task"}
    headers = {"Idempotency-Key": "order-17"}
    async with await psycopg.AsyncConnection.connect(database.owner_url) as first:
        # Another process's request with the key, in the middle of its transaction.
        await first.execute(
            """INSERT INTO jobledger.jobs (id, created_at, priority, user_id, job_type, idempotency_key, tags,
            updated_at, due_at, version, attempt, status, details)
            VALUES (gen_random_uuid(), now(), 0, 'user-1', 'sample_task', 'order-17', '{}',
            now(), now(), 1, 0, 'pending', '{}')"""
        )
        early = await client.post("/jobs", json=body, headers=headers)
        await first.rollback()
    async with asyncio.timeout(20):
        while (answer := await client.post("/jobs", json=body, headers=headers)).status_code != 202:
            await asyncio.sleep(0)

    assert early.status_code == 409
    assert early.json()["type"] == "/problems/idempotency-key-in-use"
    assert early.headers["Retry-After"] == "1"
    # Which of the two was accepted, chance decided; whoever asks from now on is told of that one.
    again = await client.post("/jobs", json=body, headers=headers)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json() == answer.json()
    assert len((await client.get("/jobs")).json()["jobs"]) == 1


async def test_lists_are_filtered_and_paged(client: httpx.AsyncClient) -> None:
    jobs = [await submitted(client, tags=["even" if n % 2 == 0 else "odd"]) for n in range(7)]
    expected = [job["id"] for job in reversed(jobs)]
    found: list[str] = []
    path: str | None = "/jobs?limit=3"
    while path:
        page = (await client.get(path)).json()
        found += [job["id"] for job in page["jobs"]]
        path = page["next"]
    odd = (await client.get("/jobs?tag=odd")).json()["jobs"]
    skipped = (await client.get("/jobs?limit=2&offset=5")).json()["jobs"]

    assert found == expected
    assert [job["id"] for job in odd] == expected[1::2]
    assert [job["id"] for job in skipped] == expected[5:]


async def test_an_unchanged_job_is_not_sent_again(client: httpx.AsyncClient) -> None:
    job = await submitted(client)
    unchanged = await client.get(f"/jobs/{job['id']}", headers={"If-None-Match": '"1"'})
    changed = await client.get(f"/jobs/{job['id']}", headers={"If-None-Match": '"7"'})

    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert changed.status_code == 200


async def test_a_waiting_job_is_cancelled_at_once_and_can_be_retried(client: httpx.AsyncClient) -> None:
    ahead = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    job = await submitted(client, run_at=ahead)
    assert job["status"] == "scheduled"

    cancelled = await client.post(f"/jobs/{job['id']}/cancel", json={"reason": "no longer needed"})
    again = await client.post(f"/jobs/{job['id']}/cancel", json={"reason": "once more"})
    retried = await client.post(f"/jobs/{job['id']}/retry", json={"reason": "needed after all"})
    events = (await client.get(f"/jobs/{job['id']}/events")).json()["events"]

    assert cancelled.json()["status"] == "cancelled"
    assert again.status_code == 409
    assert retried.json()["status"] == "pending"
    assert [event["data"].get("reason") for event in events[1:]] == ["no longer needed", "needed after all"]


async def test_a_running_job_is_asked_to_stop(client: httpx.AsyncClient, services: Services) -> None:
    job = await submitted(client)
    await started(services, job["id"])
    answer = await client.post(f"/jobs/{job['id']}/cancel", json={"reason": "enough"})

    assert (answer.status_code, answer.json()["status"]) == (200, "cancelling")


async def test_an_act_on_an_older_version_is_refused(client: httpx.AsyncClient, services: Services) -> None:
    job = await submitted(client)
    await started(services, job["id"])
    for tag in ('"1"', '"99"', '"x"'):
        answer = await client.post(
            f"/jobs/{job['id']}/cancel", json={"reason": "enough"}, headers={"If-Match": tag}
        )
        assert answer.status_code == 412, tag
    current = await client.post(
        f"/jobs/{job['id']}/cancel", json={"reason": "enough"}, headers={"If-Match": '"2"'}
    )

    assert current.status_code == 200


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": "x" * 501}, {"reason": "x", "more": 1}])
async def test_an_act_needs_a_reason(client: httpx.AsyncClient, body: dict[str, Any]) -> None:
    job = await submitted(client)

    assert (await client.post(f"/jobs/{job['id']}/cancel", json=body)).status_code == 422


async def test_an_operator_acts_on_anybodys_job_and_the_history_says_so(as_user: Client) -> None:
    job = await submitted(as_user("user-1"))
    operator = as_user("operator-1", "operator")
    answer = await operator.post(f"/jobs/{job['id']}/cancel", json={"reason": "runaway"})
    events = (await as_user("user-1").get(f"/jobs/{job['id']}/events")).json()["events"]

    assert answer.status_code == 200
    assert events[-1]["actor"] == {"kind": "operator", "id": "operator-1"}


async def test_only_operators_act_on_behalf_of_others(as_user: Client) -> None:
    body = {"job_type": "sample_task", "on_behalf_of": "customer-7"}

    assert (await as_user("user-1").post("/jobs", json=body)).status_code == 403
    assert (await as_user("op", "operator").post("/jobs", json=body)).status_code == 202


async def test_a_trace_that_the_client_began_goes_into_the_history(client: httpx.AsyncClient) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    job = (
        await client.post("/jobs", json={"job_type": "sample_task"}, headers={"traceparent": trace})
    ).json()
    (event,) = (await client.get(f"/jobs/{job['id']}/events")).json()["events"]

    assert event["traceparent"] == trace


async def test_the_history_is_paged_by_version(client: httpx.AsyncClient) -> None:
    job = await submitted(client)
    for _ in range(2):
        await client.post(f"/jobs/{job['id']}/cancel", json={"reason": "stop"})
        await client.post(f"/jobs/{job['id']}/retry", json={"reason": "go"})
    versions: list[int] = []
    path: str | None = f"/jobs/{job['id']}/events?limit=2"
    while path:
        page = (await client.get(path)).json()
        versions += [event["version"] for event in page["events"]]
        path = page["next"]

    assert versions == [1, 2, 3, 4, 5]


def test_every_field_of_a_job_view_is_shown_or_kept_back_on_purpose() -> None:
    kept_back = {
        "job", "idempotency_key", "fingerprint", "traceparent", "on_behalf_of", "max_lost_attempts",
        "timeout_seconds", "failed_attempts", "lost_attempts", "lease", "call_id",
    }  # fmt: skip
    known = set(JobView._fields) | set(Job._fields)

    assert known - kept_back <= set(JobOut.model_fields)
