"""What only PostgreSQL can get wrong about the queue."""

import asyncio

import psycopg

from domain.attempts import Attempt
from domain.claims import Claimer
from domain.identifiers import WorkerId
from domain.job_types import JobTypes
from domain.sample_task import sample_task
from domain.use_cases.claim import claim
from entrypoints.services import Services
from tests.builders import submission
from tests.conftest import PostgresPorts, TestDatabase
from tests.contracts.acts import submit

JOBS = 600
CLAIMER = Claimer(worker_id=WorkerId("w"), compute="local")


async def claimed_by(services: Services, *, limit: int) -> list[Attempt]:
    return await claim(
        services.store, services.queue, services.hints, JobTypes([sample_task]), services.clock, services.ids,
        services.randomness, claimer=CLAIMER, limit=limit, lease_seconds=600,
    )  # fmt: skip


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
            claimed.extend(await claimed_by(services, limit=10))

    async with asyncio.timeout(60):
        await asyncio.gather(submitting(), claiming(), claiming())

    assert len({attempt.job_id for attempt in claimed}) == JOBS


async def test_a_job_that_somebody_is_changing_is_started_once_they_are_done(
    postgres_ports: PostgresPorts, services: Services, database: TestDatabase
) -> None:
    await submit(postgres_ports)
    await postgres_ports.outbox.relay(limit=1, max_visible=10)
    async with await psycopg.AsyncConnection.connect(database.owner_url) as somebody:
        await somebody.execute("SELECT FROM jobledger.jobs FOR UPDATE")
        claiming = asyncio.create_task(claimed_by(services, limit=10))
        async with asyncio.timeout(10):
            while not await is_waited_for(somebody):
                await asyncio.sleep(0)
        await somebody.rollback()
        attempts = await claiming

    assert [attempt.number for attempt in attempts] == [1]


async def is_waited_for(somebody: psycopg.AsyncConnection[tuple[bool]]) -> bool:
    """Whether another session waits for a lock that this one holds."""
    query = (
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid)))"
    )
    row = await (await somebody.execute(query)).fetchone()
    return bool(row and row[0])
