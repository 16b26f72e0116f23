"""An installation as `jobledger doctor` finds it, over connections of its own."""

import time
import uuid
from typing import Any

import psycopg
from psycopg.rows import dict_row

from adapters.jwks_tokens import fetch_keys, usable_keys
from adapters.migrations import newest_revision
from adapters.postgres.hints import CHANNEL
from adapters.postgres.statements import statement
from domain.errors import StorageUnavailable
from domain.ports.examination import ClockReading, StoreFacts
from domain.ports.system import Clock

CONNECT_SECONDS = 5
HEAR_SECONDS = 2.0
CLOCK_READINGS = 5
REFUSED = (psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedTable)


class PostgresExamination:
    """`database_url` is what the service uses, `issuer` who signs its tokens."""

    def __init__(self, database_url: str, *, issuer: str) -> None:
        self._database_url = database_url
        self._issuer = issuer

    async def store(self, *, clock: Clock) -> StoreFacts:
        try:
            async with await _connect(self._database_url) as connection:
                began = time.perf_counter()
                row = await _row(connection, "examination/store")
                # A pooler answers with a process of its own making, and the statement with the server's.
                is_behind_pooler = row.pop("pid") != connection.info.backend_pid
                took = time.perf_counter() - began
                revision = await _revision(connection) if row["has_schema"] else None
                readings = [await _clock_reading(connection, clock) for _ in range(CLOCK_READINGS)]
        except psycopg.Error as error:
            raise StorageUnavailable(_line(error)) from error
        return StoreFacts(
            **row | {"missing_grants": tuple(row["missing_grants"])},
            is_behind_pooler=is_behind_pooler,
            clock_readings=tuple(readings),
            took_seconds=took,
            revision=revision,
        )

    async def hears(self, listen_url: str) -> bool:
        probe = str(uuid.uuid4())
        try:
            async with await _connect(listen_url) as listening, await _connect(self._database_url) as telling:
                await listening.execute(f"LISTEN {CHANNEL}")
                await telling.execute("SELECT pg_notify(%s, %s)", [CHANNEL, probe])
                async for notice in listening.notifies(timeout=HEAR_SECONDS):
                    if notice.payload == probe:
                        return True
        except psycopg.Error as error:
            raise StorageUnavailable(_line(error)) from error
        return False

    async def token_keys(self) -> int:
        try:
            return len(usable_keys(await fetch_keys(self._issuer)))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise StorageUnavailable(str(error) or repr(error)) from error

    def newest_revision(self) -> str:
        return newest_revision()


async def _connect(url: str) -> psycopg.AsyncConnection[dict[str, Any]]:
    return await psycopg.AsyncConnection.connect(
        url, autocommit=True, row_factory=dict_row, prepare_threshold=None, connect_timeout=CONNECT_SECONDS
    )


async def _row(connection: psycopg.AsyncConnection[dict[str, Any]], name: str) -> dict[str, Any]:
    found = await (await connection.execute(statement(name))).fetchone()
    return found or {}


async def _clock_reading(connection: psycopg.AsyncConnection[dict[str, Any]], clock: Clock) -> ClockReading:
    asked_at = clock.now()
    row = await _row(connection, "examination/clock")
    return ClockReading(asked_at, row["theirs"], clock.now())


async def _revision(connection: psycopg.AsyncConnection[dict[str, Any]]) -> str | None:
    try:
        found: str | None = (await _row(connection, "examination/revision")).get("version_num")
    except REFUSED:
        return None
    return found


def _line(error: psycopg.Error) -> str:
    return " ".join(str(error).split()) or type(error).__name__
