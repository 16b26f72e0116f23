"""What keeps a service up on Modal does all that a resident relay would."""

import psycopg
import pytest

from domain.identifiers import UserId
from domain.schedules import Definition, JobTemplate
from domain.use_cases.command import Caller
from domain.use_cases.schedules import create_schedule
from entrypoints import keep_up
from entrypoints.services import Services
from entrypoints.settings import Settings
from tests.builders import provenance


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
