"""The table of jobs is tampered with, rebuilt under load, and stays what it was in every other respect."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from adapters.postgres.rebuild import PostgresRebuilding
from domain import decisions
from domain.claims import Claimer
from domain.errors import NotRebuilt
from domain.identifiers import WorkerId
from domain.use_cases.rebuild import Rebuilt, rebuild_read_model
from domain.use_cases.verify import Difference, verify_read_model
from domain.views import JobView
from tests.builders import NOW, new_id
from tests.conftest import PostgresPorts, TestDatabase
from tests.contracts.acts import append, cancel, change, start, submit

Tamper = Callable[[str], Awaitable[None]]

CATALOGUE = {
    "indexes": """SELECT indexdef FROM pg_indexes
        WHERE schemaname = 'jobledger' AND tablename = 'jobs' ORDER BY 1""",
    "constraints": """SELECT conname, contype, pg_get_constraintdef(oid), obj_description(oid)
        FROM pg_constraint WHERE conrelid = 'jobledger.jobs'::regclass ORDER BY 1""",
    "table": """SELECT relowner, reloptions, relrowsecurity, relforcerowsecurity, obj_description(oid),
        (SELECT array_agg(acl::text ORDER BY acl::text) FROM unnest(relacl) AS acl)
        FROM pg_class WHERE oid = 'jobledger.jobs'::regclass""",
    "policies": """SELECT policyname, permissive, roles, cmd, qual, with_check FROM pg_policies
        WHERE schemaname = 'jobledger' AND tablename = 'jobs' ORDER BY 1""",
    "columns": """SELECT attname, atttypid, attnotnull, attstorage, attacl::text,
        col_description(attrelid, attnum)
        FROM pg_attribute WHERE attrelid = 'jobledger.jobs'::regclass AND attnum > 0 ORDER BY attnum""",
    "triggers": """SELECT tgname, tgenabled FROM pg_trigger
        WHERE tgrelid = 'jobledger.jobs'::regclass ORDER BY 1""",
}
MORE_OF_EVERYTHING = """DO $$ BEGIN
    COMMENT ON TABLE jobledger.jobs IS 'it''s';
    ALTER TABLE jobledger.jobs ADD CONSTRAINT jobs_some_check CHECK (version > 0);
    CREATE INDEX "Some Index" ON jobledger.jobs (due_at) WHERE due_at IS NOT NULL;
    GRANT SELECT (id) ON jobledger.jobs TO PUBLIC;
    CREATE POLICY some_policy ON jobledger.jobs AS RESTRICTIVE FOR UPDATE TO jobledger_service
        WITH CHECK (true);
    CREATE TRIGGER some_trigger BEFORE UPDATE ON jobledger.jobs FOR EACH ROW
        EXECUTE FUNCTION suppress_redundant_updates_trigger();
END $$"""


@pytest.fixture
def tamper(database: TestDatabase) -> Tamper:
    """Run a statement as who owns everything, past every trigger."""

    async def run(statement: str) -> None:
        async with await psycopg.AsyncConnection.connect(database.owner_url) as connection:
            await connection.execute("SET session_replication_role = replica")
            cursor = await connection.execute(statement)
            assert cursor.rowcount != 0

    return run


async def differences(ports: PostgresPorts) -> list[Difference]:
    return [found async for page in verify_read_model(ports.read_model) for found in page.differences]


async def rebuilt(ports: PostgresPorts) -> Rebuilt:
    return await rebuild_read_model(ports.read_model, ports.rebuilding, told=lambda _: None)


async def completed(ports: PostgresPorts) -> JobView:
    running = await start(ports, await submit(ports, tags=("a",)))
    return await append(ports, running, decisions.complete(running.job, result=1))


@pytest.mark.parametrize(
    ("statement", "field"),
    [
        ("UPDATE jobledger.jobs SET status = 'cancelled', is_rare = true", "status"),
        ("UPDATE jobledger.jobs SET version = version + 1", "version"),
        ("UPDATE jobledger.jobs SET user_id = 'eve'", "user_id"),
        ("UPDATE jobledger.jobs SET tags = '{}'", "tags"),
        ("UPDATE jobledger.jobs SET finished_at = finished_at + interval '1 microsecond'", "finished_at"),
        ("UPDATE jobledger.jobs SET outcome = '{\"result\":2}'", "result"),
        ("UPDATE jobledger.jobs SET details = '{}'", "view"),
        ("DELETE FROM jobledger.jobs", "existence"),
        ("TRUNCATE jobledger.jobs", "existence"),
    ],
)
async def test_a_row_that_was_tampered_with_is_named_and_repaired(
    postgres_ports: PostgresPorts, tamper: Tamper, statement: str, field: str
) -> None:
    job = await completed(postgres_ports)
    await tamper(statement)
    found = await differences(postgres_ports)

    assert [(one.job_id, one.field) for one in found] == [(job.job.id, field)]
    assert await rebuilt(postgres_ports) == Rebuilt(1, 3, [job.job.id])
    assert await differences(postgres_ports) == []
    assert await postgres_ports.views.get(job.job.id) == job


async def test_a_row_without_events_is_named_and_goes(postgres_ports: PostgresPorts, tamper: Tamper) -> None:
    job = await completed(postgres_ports)
    stranger = "jsonb_populate_record(j, jsonb_build_object('id', '019a0000-0000-7000-8000-000000000000'))"
    await tamper(f"INSERT INTO jobledger.jobs SELECT ({stranger}).* FROM jobledger.jobs AS j")  # noqa: S608
    (found,) = await differences(postgres_ports)

    assert (found.field, found.stored, found.folded) == ("existence", "there", "missing")
    assert (await rebuilt(postgres_ports)).repaired == [found.job_id]
    assert await postgres_ports.views.get(job.job.id) == job
    assert await differences(postgres_ports) == []


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("DELETE FROM jobledger.job_events WHERE version = 2", "version 3 stands where 2 is due"),
        ("DELETE FROM jobledger.job_events WHERE version = 1", "version 2 stands where 1 is due"),
        ("UPDATE jobledger.job_events SET version = 4 WHERE version = 3", "version 4 stands where 3 is due"),
        ("UPDATE jobledger.job_events SET type = 'JobPaid' WHERE version = 3", "makes no sense"),
        ("UPDATE jobledger.job_events SET facts = '[]' WHERE version = 3", "makes no sense"),
        ("UPDATE jobledger.job_events SET type = 'JobSubmitted' WHERE version = 3", "submitted twice"),
    ],
)
async def test_events_that_were_tampered_with_are_named_and_never_rebuilt_from(
    postgres_ports: PostgresPorts, tamper: Tamper, statement: str, told: str
) -> None:
    job = await completed(postgres_ports)
    await tamper(statement)
    (found,) = await differences(postgres_ports)

    assert (found.job_id, found.field) == (job.job.id, "events")
    assert told in found.folded
    with pytest.raises(NotRebuilt, match=job.job.id):
        await rebuilt(postgres_ports)
    assert await postgres_ports.views.get(job.job.id) == job


@pytest.mark.parametrize(
    ("statement", "field"),
    [
        ("DELETE FROM jobledger.job_events WHERE version = 3", "status"),
        ("DELETE FROM jobledger.job_events", "existence"),
        ("UPDATE jobledger.job_events SET payload = '{\"result\":2}' WHERE version = 3", "result"),
        ("UPDATE jobledger.job_events SET payload = NULL, salt = NULL WHERE version = 3", "result"),
        ("UPDATE jobledger.job_events SET recorded_at = recorded_at + interval '1 s' WHERE version = 3",
         "updated_at"),
    ],
)  # fmt: skip
async def test_events_that_say_something_else_by_now_are_named(
    postgres_ports: PostgresPorts, tamper: Tamper, statement: str, field: str
) -> None:
    job = await completed(postgres_ports)
    await tamper(statement)

    assert (job.job.id, field) in [(one.job_id, one.field) for one in await differences(postgres_ports)]


async def catalogue(url: str) -> dict[str, Any]:
    async with await psycopg.AsyncConnection.connect(url) as connection:
        return {name: await (await connection.execute(query)).fetchall() for name, query in CATALOGUE.items()}


async def test_a_swap_keeps_everything_that_the_table_is_defined_by(
    postgres_ports: PostgresPorts, database: TestDatabase, tamper: Tamper
) -> None:
    await tamper(MORE_OF_EVERYTHING)
    before = await catalogue(database.owner_url)
    await rebuilt(postgres_ports)

    assert await catalogue(database.owner_url) == before
    assert all(before.values())


async def test_one_rebuild_at_a_time_and_only_by_the_owner(
    postgres_ports: PostgresPorts, database: TestDatabase
) -> None:
    async with postgres_ports.rebuilding():
        with pytest.raises(NotRebuilt, match="under way"):
            await rebuilt(postgres_ports)
    with pytest.raises(NotRebuilt, match="MIGRATION_URL"):
        async with PostgresRebuilding(database.url)():
            pass
    assert await rebuilt(postgres_ports) == Rebuilt(0, 0, [])


async def test_clients_notice_nothing_of_a_rebuild(postgres_ports: PostgresPorts) -> None:
    ports, over = postgres_ports, asyncio.Event()
    later = NOW + timedelta(days=1000)
    jobs = [await submit(ports, unique_key=f"key-{n}", run_at=later) for n in range(20)]
    worker = Claimer(worker_id=WorkerId(new_id()), compute="local")

    async def submit_and_cancel(number: int) -> int:
        view = jobs[number]
        acts = 0
        while not over.is_set():
            # The key is free again at once, for the same job type and user.
            await cancel(ports, view)
            view = await submit(ports, unique_key=f"key-{number}", run_at=later)
            acts += 1
        return acts

    async def work() -> int:
        done = 0
        while not over.is_set():
            await ports.outbox.relay(limit=100, max_visible=1000)
            claimed = await ports.queue.start_waiting(
                limit=50, lease_seconds=30, claimer=worker, command_id=new_id()
            )
            outcomes = [
                change(view, decisions.complete(view.job, result=done), settles=view.job.lease.msg_id)
                for view in claimed.started
                if view.job.lease
            ]
            if outcomes:
                await ports.store.append(outcomes)
            await asyncio.gather(*[submit(ports) for _ in range(10)])
            done += len(outcomes)
        return done

    load = [asyncio.create_task(submit_and_cancel(number)) for number in range(0, 20, 5)]
    load.append(asyncio.create_task(work()))
    for _ in range(3):
        found = await rebuilt(ports)
        assert found.repaired == []
    over.set()

    assert min(await asyncio.gather(*load)) > 0
    assert await differences(ports) == []
    assert await ports.views.get(jobs[1].job.id) == jobs[1]
