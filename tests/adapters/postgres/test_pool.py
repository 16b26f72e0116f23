"""Waiting for a connection is bounded, in time and in number, and a failure says what failed."""

import asyncio

import pytest

from adapters.postgres.pool import Database
from domain.errors import StorageUnavailable
from tests.conftest import TestDatabase


async def test_who_waits_too_long_for_a_connection_is_told_so(database: TestDatabase) -> None:
    pool = Database(database.url, size=1, timeout_seconds=0.1, is_pooled=database.is_pooled)
    await pool.open()
    async with pool.connection():
        with pytest.raises(StorageUnavailable, match="busy"):
            await pool.rows(b"SELECT 1", {})
    assert await pool.rows(b"SELECT 1 AS one", {}) == [{"one": 1}]
    await pool.close()


async def test_only_so_many_may_wait_and_the_others_are_told_at_once(database: TestDatabase) -> None:
    pool = Database(database.url, size=1, timeout_seconds=60, is_pooled=database.is_pooled, max_waiting=1)
    await pool.open()
    async with pool.connection():
        first = asyncio.create_task(pool.rows(b"SELECT 1 AS one", {}))
        await asyncio.sleep(0)
        with pytest.raises(StorageUnavailable, match="busy"):
            await pool.rows(b"SELECT 1", {})
    assert await first == [{"one": 1}]
    await pool.close()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("53100", "disk is full, so nothing was stored"),
        ("25006", "takes no writes now, so nothing was stored"),
        ("57P03", "cannot be reached"),
    ],
)
async def test_what_keeps_the_database_from_storing_is_named(
    database: TestDatabase, code: str, said: str
) -> None:
    pool = Database(database.url, size=1, timeout_seconds=5, is_pooled=database.is_pooled)
    await pool.open()
    with pytest.raises(StorageUnavailable, match=said):
        await pool.rows(f"DO $$BEGIN RAISE SQLSTATE '{code}'; END$$".encode(), {})
    await pool.close()
