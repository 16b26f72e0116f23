"""Events written in every awkward way at once, while several sealers give them their positions.

What must come out, whatever the interleaving: every committed event once, at dense positions, and no stream
out of its order.
"""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import psycopg
import uuid_utils

from adapters.postgres.ledger_reading import PostgresLedgerReading
from adapters.postgres.ledger_sealing import PostgresLedgerSealing
from adapters.postgres.pool import Database
from adapters.system import Uuid7Ids
from domain.ledger.leaves import hash_envelope
from domain.ports.ledger_reading import EVERYTHING

Connection = psycopg.AsyncConnection[Any]

INSERT = """
    INSERT INTO jobledger.job_events (recorded_at, job_id, command_id, version, schema_version, type,
        actor_kind, actor_id, code_version, facts)
    VALUES (statement_timestamp(), %s, %s, %s, 1, 'ProgressReported', 'user', 'u', 'stress', '{"attempt":1}')
"""
PAGE = 5000
# Small ones too, so that backlogs are cut everywhere.
LIMITS = (5, 40, 20_000)


@dataclass(slots=True)
class Stream:
    """`version` is what was committed last; who holds the lock writes the next."""

    job_id: str = field(default_factory=lambda: str(uuid_utils.uuid7()))
    version: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True, slots=True)
class Findings:
    """What a run wrote and what the ledger made of it."""

    written: int
    sealed: int
    ticks: int
    refused: int
    missed: int
    duplicated: int
    inverted: int
    wrong_leaves: int
    is_dense: bool


async def insert(connection: Connection, stream: Stream, version: int) -> None:
    await connection.execute(INSERT, [stream.job_id, str(uuid_utils.uuid7()), version])


async def plain(first: Connection, second: Connection, stream: Stream) -> None:
    """A few events in a transaction."""
    del second
    async with first.transaction():
        for ahead in range(1, random.randint(2, 4)):  # noqa: S311
            await insert(first, stream, stream.version + ahead)
    stream.version += ahead


async def hand_over(first: Connection, second: Connection, stream: Stream) -> None:
    """The older transaction writes after the younger one: transactions and versions are in opposite order."""
    async with first.transaction():
        await first.execute("SELECT pg_current_xact_id()")
        async with second.transaction():
            await insert(second, stream, stream.version + 1)
        await asyncio.sleep(random.uniform(0, 0.02))  # noqa: S311
        await insert(first, stream, stream.version + 2)
    stream.version += 2


async def roll_back(first: Connection, second: Connection, stream: Stream) -> None:
    """Ids and transactions that come to nothing."""
    del second
    async with first.transaction():
        await insert(first, stream, stream.version + 1)
        raise psycopg.Rollback


async def savepoint(first: Connection, second: Connection, stream: Stream) -> None:
    """Half of a transaction comes to nothing."""
    del second
    async with first.transaction():
        async with first.transaction():
            await insert(first, stream, stream.version + 1)
            raise psycopg.Rollback
        async with first.transaction():
            await insert(first, stream, stream.version + 1)
    stream.version += 1


ACTS: tuple[Callable[[Connection, Connection, Stream], Awaitable[None]], ...] = (
    plain,
    hand_over,
    roll_back,
    savepoint,
)


class SealingStress:
    """One run over the database at `url`, in which nothing else writes events."""

    def __init__(self, url: str, *, seed: int, writers: int = 6, sealers: int = 3) -> None:
        self._url = url
        self._chance = random.Random(seed)  # noqa: S311 - the same each time, guards nothing
        self._writers = writers
        self._sealers = sealers
        self._streams = [Stream() for _ in range(40)]
        self._held = Stream()
        self._ticks = 0
        self._refused = 0

    async def run(self, seconds: float) -> Findings:
        database = Database(self._url, size=self._sealers + 1, timeout_seconds=30, is_pooled=False)
        await database.open()
        sealing = PostgresLedgerSealing(database, Uuid7Ids(), code_version="stress")
        done = asyncio.Event()
        try:
            sealers = [
                asyncio.create_task(self._seal(sealing, done, LIMITS[number % len(LIMITS)]))
                for number in range(self._sealers)
            ]
            async with asyncio.timeout(seconds + 60):
                await self._write(seconds)
            done.set()
            await asyncio.gather(*sealers)
            while await sealing.seal(limit=LIMITS[-1]):
                self._ticks += 1
            return await self._findings(PostgresLedgerReading(database))
        finally:
            await database.close()

    async def _write(self, seconds: float) -> None:
        """With a writer that is open throughout and commits last."""
        async with await psycopg.AsyncConnection.connect(self._url) as open_throughout:
            await insert(open_throughout, self._held, 1)
            until = asyncio.get_running_loop().time() + seconds
            await asyncio.gather(*(self._writer(until) for _ in range(self._writers)))
            await open_throughout.commit()
            self._held.version = 1

    async def _writer(self, until: float) -> None:
        connect = psycopg.AsyncConnection.connect
        async with (
            await connect(self._url, autocommit=True) as first,
            await connect(self._url, autocommit=True) as second,
        ):
            while asyncio.get_running_loop().time() < until:
                stream = self._chance.choice(self._streams)
                async with stream.lock:
                    await self._chance.choice(ACTS)(first, second, stream)

    async def _seal(self, sealing: PostgresLedgerSealing, done: asyncio.Event, limit: int) -> None:
        while not done.is_set():
            if await sealing.seal(limit=limit):
                self._ticks += 1
            else:
                self._refused += 1
                await asyncio.sleep(0.001)

    async def _findings(self, ledger: PostgresLedgerReading) -> Findings:
        places: list[tuple[str, int]] = []
        positions: list[int] = []
        wrong = 0
        while page := await ledger.read(EVERYTHING, after=len(places), limit=PAGE):
            places += [(event.envelope.job_id, event.envelope.version) for event in page]
            positions += [event.position for event in page]
            wrong += sum(hash_envelope(event.envelope) != event.leaf_hash for event in page)
        written = {
            (stream.job_id, version)
            for stream in (*self._streams, self._held)
            for version in range(1, stream.version + 1)
        }
        versions: defaultdict[str, list[int]] = defaultdict(list)
        for job_id, version in places:
            versions[job_id].append(version)
        return Findings(
            written=len(written),
            sealed=len(places),
            ticks=self._ticks,
            refused=self._refused,
            missed=len(written - set(places)),
            duplicated=sum(count - 1 for count in Counter(places).values()),
            inverted=sum(found != sorted(found) for found in versions.values()),
            wrong_leaves=wrong,
            is_dense=positions == list(range(1, len(positions) + 1)),
        )
