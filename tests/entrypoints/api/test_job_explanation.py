"""Asking over HTTP why a job is where it is."""

from typing import Any

import httpx

from domain.claims import Claimer
from domain.identifiers import JobId, WorkerId
from domain.ports.workers import Presence
from entrypoints.api.job_explanation import ExplanationOut
from entrypoints.services import Services
from tests.builders import new_id
from tests.entrypoints.api.conftest import Client
from tests.entrypoints.api.test_jobs import submitted

WORKER = Presence(WorkerId("worker-1"), "local", ("sample_task",), 10, 10)


async def explained(client: httpx.AsyncClient, job: dict[str, Any]) -> dict[str, Any]:
    answer = await client.get(f"/jobs/{job['id']}/explain")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    ExplanationOut.model_validate(found)
    return found


async def relay(services: Services) -> None:
    await services.outbox.relay(limit=10, max_visible=10)


async def test_a_job_is_explained_from_its_submission_to_its_end(
    client: httpx.AsyncClient, services: Services
) -> None:
    told = []
    first, job = await submitted(client), await submitted(client)
    told.append(await explained(client, job))
    await services.workers.beat(WORKER, alive_for_seconds=60)
    told.append(await explained(client, job))
    await relay(services)
    told.append(await explained(client, job))
    await services.queue.start_waiting(
        limit=2, lease_seconds=60, claimer=Claimer(WorkerId("worker-1"), "local"), command_id=new_id()
    )
    told.append(await explained(client, job))
    await client.post(f"/jobs/{job['id']}/cancel", json={"reason": "enough"})
    told.append(await explained(client, job))

    assert [one["reason"] for one in told] == [
        "no_worker", "behind_others", "queued", "running", "cancellation_pending",
    ]  # fmt: skip
    assert told[1]["ahead"]["of_its_priority"] == {"jobs": 1, "is_more": False}
    assert told[1]["workers"] == {"living": 1, "serving": 1, "free_places": 0}
    assert told[1]["relay"]["lag_seconds"] > 0
    assert told[2]["ahead"]["in_queue"] == {"jobs": 1, "is_more": False}
    assert "Every place" in told[2]["told"]
    assert (told[3]["lease"]["worker_id"], told[3]["lease"]["is_lapsed"]) == ("worker-1", False)
    assert (told[3]["ahead"], told[4]["status"]) == (None, "cancelling")
    assert (await explained(client, first))["reason"] == "running"


async def test_a_scheduled_job_says_when_it_is_due_and_a_cancelled_one_that_it_is(
    client: httpx.AsyncClient,
) -> None:
    job = await submitted(client, run_at="2100-01-01T00:00:00Z")
    scheduled = await explained(client, job)
    await client.post(f"/jobs/{job['id']}/cancel", json={"reason": "no"})
    cancelled = await explained(client, job)

    assert (scheduled["reason"], scheduled["next"]["at"]) == ("not_due", "2100-01-01T00:00:00.000000Z")
    assert scheduled["next"]["event"] == "AttemptStarted"
    assert (cancelled["reason"], cancelled["next"]["event"]) == ("ended", None)


async def test_nobody_elses_job_is_explained(as_user: Client, services: Services) -> None:
    job = await submitted(as_user("user-1"))

    assert (await as_user("user-2").get(f"/jobs/{job['id']}/explain")).status_code == 404
    assert (await as_user("auditor", "auditor").get(f"/jobs/{job['id']}/explain")).status_code == 200
    assert await services.standings.of(JobId("019a0000-0000-7000-8000-00000000000a")) is None
