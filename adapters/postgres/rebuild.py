"""A new `jobs` beside the one in use, over the owner's own connection."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import psycopg
from psycopg.rows import dict_row

from adapters.postgres import view_codec
from adapters.postgres.arrays import plain_array
from adapters.postgres.pool import Connection, configure, fetch
from adapters.postgres.read_model import BEFORE_ALL, event_rows, one_snapshot, stored_jobs
from adapters.postgres.statements import statement
from domain.errors import NotRebuilt, StorageUnavailable
from domain.identifiers import JobId
from domain.use_cases.rebuild import folded
from domain.views import JobView

COPY = f"COPY jobs_coming ({', '.join(view_codec.COLUMNS)}) FROM STDIN"
BUCKET = 20_000
JOBS_AT_ONCE = 1000
# While the lock is waited for, everybody waits behind it: so briefly, and often.
LOCK_MILLISECONDS = 50
LOCK_TRIES = 200
BETWEEN_TRIES_SECONDS = 0.05
ONE_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"
ONE_AT_A_TIME = "SELECT pg_try_advisory_lock(hashtextextended('jobledger.rebuild', 0)) AS is_mine"
NEXT_ONE = "SELECT pg_advisory_unlock(hashtextextended('jobledger.rebuild', 0))"


class PostgresRebuilding:
    def __init__(self, owner_url: str) -> None:
        self._owner_url = owner_url

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator["PostgresRebuild"]:
        try:
            async with await psycopg.AsyncConnection.connect(
                self._owner_url, autocommit=True, row_factory=dict_row
            ) as connection:
                await configure(connection)
                (lock,) = await fetch(connection, ONE_AT_A_TIME.encode(), {})
                if not lock["is_mine"]:
                    raise NotRebuilt("A rebuild is under way already.")
                try:
                    seen = await _snapshot(connection)
                    await connection.execute(statement("read_model/make_beside"))
                    await connection.execute("CREATE TEMPORARY TABLE jobs_coming (LIKE jobledger.jobs)")
                    yield PostgresRebuild(connection, seen=seen)
                finally:
                    await connection.execute("DROP TABLE IF EXISTS jobledger.jobs_beside")
                    # Its end would give the lock back too, but only a moment after we have left.
                    await connection.execute(NEXT_ONE)
        except psycopg.errors.InsufficientPrivilege as error:
            raise NotRebuilt(f"MIGRATION_URL must name the owner of the tables: {error}") from error
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            raise StorageUnavailable(f"The database failed: {error}") from error


class PostgresRebuild:
    """`seen` is the snapshot up to which `jobs_beside` knows all events, once it caught up.

    Pages are read one after the other, so a key that passed from one job to another meanwhile seems to be
    held twice: the second is then passed over. Both have moved, and the next `catch_up` takes them in.
    """

    def __init__(self, connection: Connection, *, seen: str) -> None:
        self._connection = connection
        self._seen = seen
        self._passed_over: set[JobId] = set()

    async def put(self, views: Sequence[JobView]) -> None:
        async with self._connection.transaction():
            async with self._connection.cursor().copy(COPY) as copy:
                for view in views:
                    await copy.write_row(view_codec.encode_row(view))
            taken = await fetch(self._connection, statement("read_model/take_in"), {})
        if len(taken) < len(views):
            self._passed_over |= {view.job.id for view in views} - {row["id"] for row in taken}

    async def catch_up(self) -> int:
        async with self._connection.transaction():
            await self._connection.execute(ONE_SNAPSHOT)
            return await self._catch_up()

    async def _catch_up(self) -> int:
        """Within a transaction of one snapshot, so that no key seems to be held twice."""
        seen = await _snapshot(self._connection)
        moved = await self._moved()
        parts = [plain_array(moved[at : at + JOBS_AT_ONCE]) for at in range(0, len(moved), JOBS_AT_ONCE)]
        for job_ids in parts:
            await self._connection.execute(
                "DELETE FROM jobledger.jobs_beside WHERE id = ANY (%s::uuid[])", [job_ids]
            )
        self._passed_over -= set(moved)
        for job_ids in parts:
            rows = await event_rows(self._connection, "streams", {"job_ids": job_ids})
            await self.put([view for job in stored_jobs(rows) if (view := folded(job))])
        if self._passed_over:
            job_id = min(self._passed_over)
            raise NotRebuilt(f"By its events, job {job_id} holds a key that another job holds too.")
        self._seen = seen
        return len(moved)

    async def _moved(self) -> list[JobId]:
        rows = await fetch(self._connection, statement("read_model/moved"), {"seen": self._seen})
        return [JobId(row["job_id"]) for row in rows]

    async def differing(self) -> list[JobId]:
        await self._connection.execute("ANALYZE jobledger.jobs_beside")
        found: list[JobId] = []
        after = BEFORE_ALL
        while True:
            async with one_snapshot(self._connection):
                parameters = {"after": after, "limit": BUCKET}
                (bucket,) = await fetch(self._connection, statement("read_model/compare"), parameters)
                if bucket["differs"]:
                    found += await self._differing_in(after, bucket["last"])
            # Not full: the end. To look for more would go on for as long as jobs are submitted.
            if bucket["size"] < BUCKET:
                return found
            after = bucket["last"]

    async def _differing_in(self, after: JobId, last: JobId) -> list[JobId]:
        rows = await fetch(
            self._connection, statement("read_model/differing"), {"after": after, "last": last}
        )
        moved = set(await self._moved())
        return [JobId(row["job_id"]) for row in rows if row["job_id"] not in moved]

    async def swap(self) -> None:
        for _ in range(LOCK_TRIES):
            await self.catch_up()
            try:
                await self._swap()
            except psycopg.errors.LockNotAvailable:
                await asyncio.sleep(BETWEEN_TRIES_SECONDS)
                continue
            return
        raise NotRebuilt("The table of jobs is never free for a moment; try again when less is going on.")

    async def _swap(self) -> None:
        async with self._connection.transaction():
            await self._connection.execute(ONE_SNAPSHOT)
            await self._connection.execute(f"SET LOCAL lock_timeout = '{LOCK_MILLISECONDS}ms'")
            await self._connection.execute("LOCK TABLE jobledger.jobs IN ACCESS EXCLUSIVE MODE")
            # From here on nobody can write events of jobs: they would have to lock `jobs` first.
            await self._catch_up()
            await self._connection.execute(statement("read_model/swap"))


async def _snapshot(connection: Connection) -> str:
    (now,) = await fetch(connection, b"SELECT pg_current_snapshot()::text AS seen", {})
    seen: str = now["seen"]
    return seen
