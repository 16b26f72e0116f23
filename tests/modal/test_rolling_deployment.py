"""Old and new containers at once: the version before works over the schema of today, beside today's code."""

from pathlib import Path

import psycopg
import pytest

from domain import decisions
from domain.claims import Claimer
from domain.identifiers import JobId, WorkerId
from domain.ports.event_store import Change
from domain.use_cases.verify import differing_fields
from entrypoints.services import Services
from entrypoints.settings import Settings
from tests.builders import new_id, provenance, submission
from tests.conftest import TestDatabase

FROZEN = Path(__file__).parent / "version_before"
JOB = "00000000-0000-7000-8000-000000000000"


class VersionBefore:
    """What the version before did to a job, as the service role, in the statements that it sent."""

    def __init__(self, url: str, job_id: JobId) -> None:
        self._url = url
        self._job_id = job_id

    def does(self, act: str) -> None:
        text = (FROZEN / f"{act}.sql").read_text().replace(JOB, self._job_id)
        with psycopg.connect(self._url) as connection:
            connection.execute(text.encode())


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"job_compute": ["local"]})


@pytest.fixture
def job_id() -> JobId:
    return JobId(new_id())


@pytest.fixture
def before(database: TestDatabase, job_id: JobId) -> VersionBefore:
    return VersionBefore(database.url, job_id)


async def history(services: Services, job_id: JobId) -> list[str]:
    """The names of the job's events, which its view is the fold of."""
    assert await differing_fields(services.store, services.views, job_id=job_id) == []
    return [type(recorded.event).__name__ for recorded in await services.store.read_stream(job_id)]


async def test_the_version_before_does_all_of_a_job(
    services: Services, before: VersionBefore, job_id: JobId
) -> None:
    for act in ("submit", "relay", "claim", "heartbeat", "complete"):
        before.does(act)
    view = await services.views.get(job_id)

    assert view is not None
    assert view.result == "as before"
    assert await history(services, job_id) == ["JobSubmitted", "AttemptStarted", "JobCompleted"]
    assert await services.queue.receive(limit=1, lease_seconds=1) == []


async def test_it_works_off_what_todays_api_and_relay_hand_it(
    services: Services, before: VersionBefore, job_id: JobId
) -> None:
    await services.store.append([submission()._replace(job_id=job_id)])
    await services.outbox.relay(limit=10, max_visible=10)
    for act in ("claim", "heartbeat", "complete"):
        before.does(act)

    assert await history(services, job_id) == ["JobSubmitted", "AttemptStarted", "JobCompleted"]


async def test_todays_relay_and_worker_work_off_what_it_accepted(
    services: Services, before: VersionBefore, job_id: JobId
) -> None:
    before.does("submit")
    await services.outbox.relay(limit=10, max_visible=10)
    claimer = Claimer(WorkerId("worker-1"), "local")
    claimed = await services.queue.start_waiting(
        limit=10, lease_seconds=30, claimer=claimer, command_id=new_id()
    )
    (view,) = claimed.started
    assert view.job.lease is not None
    done = decisions.complete(view.job, result="as today")
    change = Change(view.job.id, view, done, provenance(), settles=view.job.lease.msg_id)
    await services.store.append([change])

    assert await history(services, job_id) == ["JobSubmitted", "AttemptStarted", "JobCompleted"]


async def test_its_relay_takes_todays_entries_along(
    services: Services, before: VersionBefore, job_id: JobId
) -> None:
    await services.store.append([submission()._replace(job_id=job_id)])
    before.does("relay")
    (delivery,) = await services.queue.receive(limit=10, lease_seconds=30)

    assert delivery.job_id == job_id
