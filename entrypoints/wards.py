"""Wards come and go beside a worker: as many as there is need of, up to `WORKER_WARDS`."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from domain.ports.job_queue import JobQueue
from entrypoints.loops import repeat, wait_for
from entrypoints.services import Services
from entrypoints.settings import Settings
from entrypoints.supervisor import Part, Supervisor

log = structlog.get_logger()

# A ward that died did what it is for: the next one may start at once, though not in a tight loop.
MAX_BACKOFF_SECONDS = 1.0
WARD = Part(
    "ward",
    (sys.executable, "-m", "entrypoints.parts", "ward"),
    is_temporary=True,
    max_backoff_seconds=MAX_BACKOFF_SECONDS,
)


@asynccontextmanager
async def wards(services: Services, settings: Settings) -> AsyncIterator[None]:
    """Keep wards while the block lasts, and take them down with it."""
    leaving = asyncio.Event()
    keeping = asyncio.create_task(Wards(services.queue, settings).run(leaving))
    try:
        yield
    finally:
        leaving.set()
        await keeping


class Wards:
    """Opens one ward more whenever an isolated job waits that none of those there has taken."""

    def __init__(self, queue: JobQueue, settings: Settings, ward: Part = WARD) -> None:
        self._queue = queue
        self._settings = settings
        self._ward = ward
        self._open: set[asyncio.Task[None]] = set()

    async def run(self, leaving: asyncio.Event) -> None:
        await repeat("wards", lambda: self._look(leaving), leaving=leaving)
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _look(self, leaving: asyncio.Event) -> None:
        await wait_for(leaving, at_most=self._settings.poll_seconds)
        for ward in [ward for ward in self._open if ward.done()]:
            self._open.discard(ward)
            ward.result()
        has_place = len(self._open) < self._settings.worker_wards
        if has_place and not leaving.is_set() and await self._queue.isolated_waiting() is not None:
            log.info("ward.opened", wards=len(self._open) + 1)
            self._open.add(asyncio.create_task(self._keep(leaving)))

    async def _keep(self, leaving: asyncio.Event) -> None:
        settings = self._settings
        supervisor = Supervisor(
            [self._ward],
            environment={**os.environ, "METRICS_PORT": "0"},
            output=sys.stderr,
            drain_seconds=settings.drain_seconds + 2 * settings.cancel_grace_seconds + 3,
        )
        # Its own, because a supervisor that cannot go on sets it.
        ours = asyncio.Event()
        passing_on = asyncio.create_task(_pass_on(leaving, ours))
        try:
            await supervisor.run(ours)
        finally:
            passing_on.cancel()


async def _pass_on(leaving: asyncio.Event, ours: asyncio.Event) -> None:
    await leaving.wait()
    ours.set()
