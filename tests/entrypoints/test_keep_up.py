"""What keeps a service up on Modal does all that a resident relay would."""

import psycopg
import pytest

from domain.identifiers import UserId
from domain.lifecycle import Status
from domain.limits import EVERY, user
from domain.ports.job_views import JobFilter
from domain.schedules import Definition, JobTemplate
from domain.use_cases.command import Caller
from domain.use_cases.schedules import create_schedule
from domain.use_cases.webhook_endpoints import create_endpoint
from domain.webhooks import DELIVERY
from entrypoints import keep_up
from entrypoints.services import Services
from entrypoints.settings import Settings
from tests.builders import provenance, submission
from tests.fakes.remote_compute import FakeRemoteCompute


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"modal_idle_seconds": 0.5})


async def test_a_schedule_that_is_due_is_submitted_and_its_job_relayed(
    services: Services, settings: Settings
) -> None:
    await create_schedule(
        services.schedules, services.calendar, services.types, services.parser, services.clock, services.ids,
        caller=Caller(UserId("user-1"), provenance()),
        definition=Definition("0 0 1 1 *", "UTC", JobTemplate(job_type="sample_task", job_parameters={})),
    )  # fmt: skip
    async with await psycopg.AsyncConnection.connect(settings.owner_url) as owner:
        await owner.execute("UPDATE jobledger.schedules SET next_at = now() - interval '1 second'")
    done = await keep_up.keep_up_for(services, None, settings)

    assert (done["scheduled"], done["relayed"]) == (1, 1)


async def test_what_was_sealed_is_handed_to_webhooks_and_delivered_as_jobs(
    services: Services, settings: Settings
) -> None:
    await create_endpoint(
        services.endpoints, services.ledger, services.audit, services.clock, services.ids, services.secrets,
        caller=Caller(UserId("user-1"), provenance()), url="https://hooks.example/jobs",
        event_types=("JobSubmitted",), description="",
    )  # fmt: skip
    change = submission()
    await services.store.append([change])
    unsealed = await keep_up.keep_up_for(services, None, settings)
    sealed = await services.sealing.seal(limit=1000)
    done = await keep_up.keep_up_for(services, None, settings)
    deliveries = [
        view
        for view in (await services.views.newest(JobFilter(), limit=10)).views
        if view.job.job_type == DELIVERY
    ]

    assert sealed is not None
    assert (unsealed["handed_over"], done["handed_over"]) == (0, len(sealed.leaf_hashes))
    assert [view.job.status for view in deliveries] == [Status.PENDING]
    assert done["relayed"] == 1


async def test_it_tells_for_the_containers_that_it_calls_that_they_are_to_be_had(
    services: Services, settings: Settings
) -> None:
    remote = settings.model_copy(update={"job_compute": ["modal"]})
    for _ in range(2):
        await keep_up.keep_up_for(services, FakeRemoteCompute(), remote)
    (living,) = await services.workers.living()

    assert (living.presence.compute, living.presence.concurrency) == ("modal", 10)
    assert "sample_task" in living.presence.job_types


async def test_the_limits_of_the_settings_hold(services: Services, settings: Settings) -> None:
    limited = settings.model_copy(update={"user_concurrency_limit": 3})
    await keep_up.keep_up_for(services, None, limited)
    found = await services.limits.get(user(EVERY))

    assert found is not None
    assert found.concurrency == 3


async def test_who_seals_is_told_when_something_was_recorded(services: Services, settings: Settings) -> None:
    told: list[bool] = []
    await keep_up.keep_up_for(services, None, settings, tell_of_events=lambda: told.append(True))
    nothing = len(told)
    await services.store.append([submission()])
    await keep_up.keep_up_for(services, None, settings, tell_of_events=lambda: told.append(True))

    assert nothing == 0
    assert len(told) > 0
