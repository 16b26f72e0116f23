"""What only PostgreSQL can get wrong about the queue."""

import asyncio

import psycopg
import pytest

from adapters.postgres.pool import Database
from domain.attempts import Attempt
from domain.claims import Claimer
from domain.errors import StorageUnavailable
from domain.identifiers import WorkerId
from domain.job_types import JobTypes
from domain.sample_task import sample_task
from domain.use_cases.claim import claim
from entrypoints.services import Services
from tests.builders import new_id, submission
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


async def test_a_strangers_message_with_headers_is_no_isolated_job(
    postgres_ports: PostgresPorts, database: TestDatabase
) -> None:
    await postgres_ports.put_message('"garbage"')
    async with await psycopg.AsyncConnection.connect(database.owner_url, autocommit=True) as owner:
        await owner.execute("""UPDATE pgmq.q_job_queue SET headers = '{"x-from": "elsewhere"}'""")

    assert await postgres_ports.queue.receive(limit=9, lease_seconds=5, chances_left=0) == []
    assert len(await postgres_ports.queue.receive(limit=9, lease_seconds=5)) == 1


async def test_what_was_started_is_kept_when_the_rest_of_its_batch_cannot_be_read(
    postgres_ports: PostgresPorts, monkeypatch: pytest.MonkeyPatch
) -> None:
    await submit(postgres_ports)
    await postgres_ports.outbox.relay(limit=1, max_visible=10)
    await postgres_ports.put_message('{"job_id": "01890a5d-ac96-774b-bcce-b302099a8057"}')

    async def lost(_database: Database, _query: bytes, _parameters: dict[str, object]) -> list[object]:
        raise StorageUnavailable("The database cannot be reached.")

    monkeypatch.setattr(Database, "rows", lost)
    claimed = await postgres_ports.queue.start_waiting(
        limit=9, lease_seconds=5, claimer=CLAIMER, command_id=new_id()
    )

    assert (len(claimed.started), claimed.others) == (1, [])
