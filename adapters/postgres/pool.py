"""Connections to PostgreSQL, and what their failures mean to the domain."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import orjson
import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.rows import DictRow, TupleRow, dict_row, tuple_row
from psycopg.types.json import set_json_loads
from psycopg.types.string import TextLoader
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout, TooManyRequests

from adapters.postgres.event_codec import loads
from domain.errors import StorageUnavailable
from domain.ports.health import PoolUse

Connection = psycopg.AsyncConnection[DictRow]

CONNECT_SECONDS = 5


class JsonTextLoader(Loader):
    def load(self, data: Buffer) -> Any:
        return orjson.loads(data)


class Database:
    """A bounded pool of autocommit connections.

    `is_pooled` says that a pooler in transaction mode stands between: then nothing may live longer than a
    transaction, prepared statements included. Waiting for a connection is bounded in time and in number
    (`max_waiting`, 0 for any); `kept` connections stay open when nobody needs them.
    """

    def __init__(
        self,
        url: str,
        *,
        size: int,
        timeout_seconds: float,
        is_pooled: bool,
        kept: int = 1,
        max_waiting: int | None = None,
    ) -> None:
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            url,
            min_size=kept,
            max_size=size,
            timeout=timeout_seconds,
            max_waiting=size * 25 if max_waiting is None else max_waiting,
            open=False,
            configure=configure,
            kwargs={
                "autocommit": True,
                "row_factory": dict_row,
                "prepare_threshold": None if is_pooled else 2,
                "connect_timeout": CONNECT_SECONDS,
            },
        )

    async def open(self) -> None:
        await self._pool.open()

    async def close(self) -> None:
        await self._pool.close(timeout=2)

    @property
    def use(self) -> PoolUse:
        told = self._pool.get_stats()
        return PoolUse(
            connections=told.get("pool_size", 0),
            idle=told.get("pool_available", 0),
            waiting=told.get("requests_waiting", 0),
            waits=told.get("requests_queued", 0),
            waited_seconds=told.get("requests_wait_ms", 0) / 1000,
            failures=told.get("requests_errors", 0),
        )

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection for a moment; raises StorageUnavailable when there is none, or it breaks."""
        with _as_ours():
            async with self._pool.connection() as connection:
                yield connection

    async def rows(self, query: bytes, parameters: dict[str, Any]) -> list[DictRow]:
        """Run one statement, a transaction of its own; raises StorageUnavailable like `connection`."""
        async with self._lent() as connection:
            return await fetch(connection, query, parameters)

    async def tuples(self, query: bytes, parameters: dict[str, Any]) -> list[TupleRow]:
        """As `rows`, for what comes by the hundreds: a row costs a third less than by names."""
        async with self._lent() as connection:
            return await fetch_tuples(connection, query, parameters)

    @asynccontextmanager
    async def _lent(self) -> AsyncIterator[Connection]:
        with _as_ours():
            # Not the pool's context manager: it ends a transaction, and here there is none.
            connection = await self._pool.getconn()
            try:
                yield connection
            finally:
                await self._pool.putconn(connection)


@contextmanager
def _as_ours() -> Iterator[None]:
    try:
        yield
    except psycopg.errors.DeadlockDetected:
        # An OperationalError too, but of a database that is there: whoever wrote tries again.
        raise
    except (PoolTimeout, TooManyRequests) as error:
        raise StorageUnavailable("Every database connection is busy, or none can be had.") from error
    except psycopg.errors.DiskFull as error:
        raise StorageUnavailable("The database's disk is full, so nothing was stored.") from error
    except psycopg.errors.ReadOnlySqlTransaction as error:
        # A replica, after a failover that went the other way; or a provider that closed a full database.
        raise StorageUnavailable("The database takes no writes now, so nothing was stored.") from error
    except (PoolClosed, psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise StorageUnavailable("The database cannot be reached.") from error


async def fetch(connection: Connection, query: bytes, parameters: dict[str, Any]) -> list[DictRow]:
    cursor = await connection.execute(query, parameters)
    # Not `description`, which is made anew for each who asks.
    return [] if cursor.rownumber is None else await cursor.fetchall()


async def fetch_tuples(connection: Connection, query: bytes, parameters: dict[str, Any]) -> list[TupleRow]:
    cursor = connection.cursor(row_factory=tuple_row)
    await cursor.execute(query, parameters)
    return await cursor.fetchall()


async def configure(connection: Connection) -> None:
    """Have JSON read fast, and UUIDs as text."""
    set_json_loads(loads, connection)
    # Columns of it are read with every job: past psycopg's own loader, which asks in Python for what to call.
    connection.adapters.register_loader("json", JsonTextLoader)
    connection.adapters.register_loader("uuid", TextLoader)


class PostgresHealth:
    def __init__(self, database: Database, transactions: Database) -> None:
        self._database = database
        self._transactions = transactions

    async def check(self) -> None:
        await self._database.rows(b"SELECT 1", {})

    def pools(self) -> dict[str, PoolUse]:
        return {"statements": self._database.use, "transactions": self._transactions.use}
