"""What only PostgreSQL can get wrong about the queue."""

import asyncio

from domain.attempts import Attempt
from domain.identifiers import WorkerId
from domain.job_types import JobTypes
from domain.sample_task import sample_task
from domain.use_cases.claim import Claimer, claim
from entrypoints.services import Services
from tests.builders import submission
from tests.conftest import PostgresPorts

JOBS = 600


async def test_a_message_never_comes_without_its_job(
    postgres_ports: PostgresPorts, services: Services
) -> None:
    """Jobs are committed and relayed while others receive: what is received must be seen with its job."""
    claimed: list[Attempt] = []
    store, outbox = postgres_ports.store, postgres_ports.outbox

    async def submitting() -> None:
        for _ in range(JOBS):
            await store.append([submission()])
            await outbox.relay(limit=10, max_visible=10_000)

    async def claiming() -> None:
        while len(claimed) < JOBS:
            claimed.extend(
                await claim(
                    services.store, services.queue, services.hints, JobTypes([sample_task]), services.clock,
                    services.ids, services.randomness,
                    claimer=Claimer(worker_id=WorkerId("w"), compute="local"), limit=10, lease_seconds=600,
                )
            )  # fmt: skip

    async with asyncio.timeout(60):
        await asyncio.gather(submitting(), claiming(), claiming())

    assert len({attempt.job_id for attempt in claimed}) == JOBS
