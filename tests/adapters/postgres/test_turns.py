"""What only PostgreSQL can get wrong about turns: a snapshot that is older than the lock."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from adapters.postgres.dispatches import PgmqDispatches
from adapters.postgres.outbox import PostgresOutbox
from adapters.postgres.pool import Database
from domain import limits
from tests.builders import submission
from tests.conftest import PostgresPorts, TestDatabase
from tests.contracts.test_limits import pause, set_limit
from tests.waiting import until

# Whoever takes a lock waits at a gate first: so the statement that takes it has its snapshot already.
SLOW_LOCKS = """
    CREATE SCHEMA slow;
    GRANT USAGE ON SCHEMA slow TO jobledger_service;
    CREATE FUNCTION slow.pg_try_advisory_xact_lock(number bigint) RETURNS boolean LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_catalog.pg_advisory_xact_lock_shared(815);
        RETURN pg_catalog.pg_try_advisory_xact_lock(number);
    END $$;
    CREATE FUNCTION slow.pg_advisory_xact_lock(number bigint) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_catalog.pg_advisory_xact_lock_shared(815);
        PERFORM pg_catalog.pg_advisory_xact_lock(number);
    END $$;
"""
WAITERS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 815 AND NOT granted"


@pytest.fixture
async def slow_database(database: TestDatabase) -> AsyncIterator[Database]:
    """For somebody who is slow to take locks."""
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        owner.execute(SLOW_LOCKS)
    url = make_conninfo(database.direct_url, options="-c search_path=slow,pg_catalog,public")
    pool = Database(url, size=1, timeout_seconds=60, is_pooled=False)
    await pool.open()
    yield pool
    await pool.close()


async def hand_over(dispatches: PgmqDispatches, *, max_unclaimed: int) -> int:
    handed = await dispatches.hand_over(
        compute="modal", limit=100, max_unclaimed=max_unclaimed, claim_seconds=600
    )
    return len(handed)


async def relay(outbox: PostgresOutbox) -> int:
    return (await outbox.relay(limit=100, max_visible=100)).moved


@asynccontextmanager
async def slow(ports: PostgresPorts, step: Coroutine[Any, Any, int]) -> AsyncIterator[asyncio.Task[int]]:
    """Have `step` wait at the gate meanwhile, its snapshot taken; afterwards it has gone on."""
    async with await psycopg.AsyncConnection.connect(ports.owner_url, autocommit=True) as gate:
        await gate.execute("SELECT pg_advisory_lock(815)")
        task = asyncio.create_task(step)

        async def is_at_the_gate() -> bool:
            # Who comes to its end without waiting has failed, and says so below.
            return task.done() or (await (await gate.execute(WAITERS)).fetchone()) == (1,)

        await until(is_at_the_gate)
        yield task
        await gate.execute("SELECT pg_advisory_unlock(815)")
        await task


@pytest.mark.parametrize("is_limited", [False, True])
async def test_a_dispatcher_that_was_slow_to_its_turn_counts_what_the_one_before_handed_over(
    postgres_ports: PostgresPorts, slow_database: Database, is_limited: bool
) -> None:
    if is_limited:
        await set_limit(postgres_ports, limits.user("user-1"), concurrency=5)
    await postgres_ports.store.append([submission(job_type="remote_task") for _ in range(9)])
    async with slow(postgres_ports, hand_over(PgmqDispatches(slow_database), max_unclaimed=5)) as second:
        first = await hand_over(postgres_ports.dispatches, max_unclaimed=5)

    assert (first, second.result()) == (5, 0)


async def test_a_dispatcher_that_was_slow_to_its_turn_hands_over_nothing_of_a_queue_paused_meanwhile(
    postgres_ports: PostgresPorts, slow_database: Database
) -> None:
    await postgres_ports.store.append([submission(job_type="remote_task")])
    async with slow(postgres_ports, hand_over(PgmqDispatches(slow_database), max_unclaimed=5)) as handed:
        await pause(postgres_ports, "remote_task")

    assert handed.result() == 0


async def test_a_relay_that_was_slow_to_its_turn_counts_what_the_one_before_let_go(
    postgres_ports: PostgresPorts, slow_database: Database
) -> None:
    await set_limit(postgres_ports, limits.user("user-1"), concurrency=5)
    await postgres_ports.store.append([submission() for _ in range(9)])
    async with slow(postgres_ports, relay(PostgresOutbox(slow_database))) as second:
        first = await relay(postgres_ports.outbox)

    assert (first, second.result()) == (5, 0)
