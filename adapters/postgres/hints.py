"""Wake-up hints by LISTEN and NOTIFY.

NOTIFY takes a lock that serialises commits, so it is never sent in a transaction that writes events:
announcements are gathered for a moment and sent in a transaction of their own. LISTEN needs a direct
connection; without one, and whenever it breaks, waiters simply poll. Through a pooler in transaction mode
LISTEN succeeds and nothing is ever heard, so a first hint, sent by another connection, has to come back.
"""

import asyncio
import uuid
from collections import defaultdict
from contextlib import suppress
from typing import Any

import psycopg
import structlog

from adapters.postgres.pool import Database
from domain.errors import StorageUnavailable
from domain.ports.hints import Topic

CHANNEL = "jobledger"
GATHER_SECONDS = 0.005
RECONNECT_SECONDS = 1.0
PROBE_SECONDS = 5.0
CLOSE_SECONDS = 0.5
NOTIFY = b"SELECT pg_notify(%(channel)s, topic) FROM unnest(%(topics)s::text[]) AS topic"
POOLED = "LISTEN_URL seems to lead through a pooler, where nothing is heard; everything is polled instead."

log = structlog.get_logger()


class PostgresHints:
    def __init__(self, database: Database, *, listen_url: str | None) -> None:
        self._database = database
        self._listen_url = listen_url
        self._heard: defaultdict[Topic, asyncio.Event] = defaultdict(asyncio.Event)
        self._untold: set[Topic] = set()
        self._something_to_tell = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        self._tasks.append(asyncio.create_task(self._tell()))
        if self._listen_url:
            self._tasks.append(asyncio.create_task(self._listen(self._listen_url)))

    async def close(self) -> None:
        left = set(self._tasks)
        while left:
            for task in left:
                task.cancel()
            # Asked again, because one that is cancelled just as it gets a connection goes on.
            _, left = await asyncio.wait(left, timeout=CLOSE_SECONDS)

    def announce(self, topic: Topic) -> None:
        self._heard[topic].set()
        self._untold.add(topic)
        self._something_to_tell.set()

    async def wait(self, topic: Topic, *, at_most: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._heard[topic].wait(), at_most)
        self._heard[topic].clear()

    async def _tell(self) -> None:
        while True:
            await self._something_to_tell.wait()
            await asyncio.sleep(GATHER_SECONDS)
            self._something_to_tell.clear()
            topics, self._untold = self._untold, set()
            with suppress(StorageUnavailable):
                await self._notify(*topics)

    async def _notify(self, *words: str) -> None:
        await self._database.rows(NOTIFY, {"channel": CHANNEL, "topics": [*map(str, words)]})

    async def _listen(self, url: str) -> None:
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    if not await self._hears(connection):
                        log.warning("hints.unheard", told=POOLED)
                        return
                    async for notice in connection.notifies():
                        self._hear(notice.payload)
            except (psycopg.Error, StorageUnavailable) as error:
                log.warning("hints.lost", error=str(error))
                await asyncio.sleep(RECONNECT_SECONDS)

    async def _hears(self, connection: psycopg.AsyncConnection[Any]) -> bool:
        """Whether what other connections say arrives here."""
        probe = str(uuid.uuid4())
        await self._notify(probe)
        async for notice in connection.notifies(timeout=PROBE_SECONDS):
            if notice.payload == probe:
                return True
            self._hear(notice.payload)
        return False

    def _hear(self, word: str) -> None:
        # Others' probes are no topics.
        with suppress(ValueError):
            self._heard[Topic(word)].set()
