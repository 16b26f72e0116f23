"""Keeping a worker's leases: in its own loop, and from outside while that loop is blocked."""

import asyncio
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

import structlog

from domain.attempts import Attempt
from domain.errors import StorageUnavailable
from domain.pace import Pace
from domain.ports.hints import Topic
from domain.ports.job_queue import HeldLease
from domain.use_cases.keep_lease import keep_leases
from entrypoints import bootstrap
from entrypoints.services import Services
from entrypoints.settings import Settings

log = structlog.get_logger()


class LeaseKeeper:
    """Keeps the leases of a worker's attempts, and says with `limit` how many more it should take on.

    An attempt's lease is kept until it is settled, and not by the watch once its function's time is over.
    """

    def __init__(self, services: Services, settings: Settings) -> None:
        self._services = services
        self._settings = settings
        self._pace = Pace(settings.worker_concurrency)
        # When an attempt's function should be over at the latest, by time.monotonic; None once it is.
        self._held: dict[Attempt, float | None] = {}
        self.watch = LeaseWatch(settings, self._worth_keeping)

    @property
    def limit(self) -> int:
        """How many attempts the worker should run at once."""
        return self._pace.limit

    def hold(self, attempt: Attempt, *, at_most_seconds: float) -> None:
        """Keep the attempt's lease, whose function runs for `at_most_seconds`."""
        self._held[attempt] = time.monotonic() + at_most_seconds

    def hold_until_settled(self, attempt: Attempt) -> None:
        self._held[attempt] = None

    def let_go(self, attempt: Attempt) -> None:
        self._held.pop(attempt, None)

    async def keep(self) -> None:
        """Wait for a third of a lease, or a hint that a job was asked to stop, and extend all leases."""
        third = self._settings.lease_seconds / 3
        began = time.monotonic()
        await self._services.hints.wait(Topic.CANCELLATION, at_most=third)
        held = list(self._held)
        lost = await keep_leases(
            self._services.queue, attempts=held, lease_seconds=self._settings.lease_seconds
        )
        self.watch.kept()
        if lost:
            self._pace.lost(held=len(held))
            log.warning("leases.lost", lost=lost, held=len(held), concurrency=self._pace.limit)
        elif time.monotonic() - began >= third:
            # Not after a hint: what was taken on a moment ago has not shown yet that it can be kept.
            self._pace.kept()

    def _worth_keeping(self) -> list[HeldLease]:
        """Called in another thread; copying the dictionary is one step of the interpreter."""
        now = time.monotonic()
        held = [attempt.lease for attempt, over_at in self._held.copy().items() if (over_at or now) >= now]
        return [HeldLease(lease.msg_id, lease.read_ct) for lease in held]


class LeaseWatch:
    """Steps in when `kept` was not called for half a lease.

    A function that blocks the loop (a long computation in an async function, a client that is not async)
    would else cost every attempt of its worker its lease, and all of them would run a second time. It works
    in a thread with a loop of its own, and takes a connection only while it is needed. `held` is called in
    that thread: the leases that are worth keeping at this moment.
    """

    def __init__(self, settings: Settings, held: Callable[[], list[HeldLease]]) -> None:
        self._settings = settings
        self._held = held
        self._kept_at = time.monotonic()
        self._leaving = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lease-watch", daemon=True)

    def kept(self) -> None:
        """The worker kept all its leases itself just now."""
        self._kept_at = time.monotonic()

    def __enter__(self) -> Self:
        self.kept()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leaving.set()

    def _run(self) -> None:
        asyncio.run(self._watch())

    async def _watch(self) -> None:
        lease_seconds = self._settings.lease_seconds
        async with bootstrap.open_queue(self._settings) as queue:
            while not await asyncio.to_thread(self._leaving.wait, lease_seconds / 6):
                late_by = time.monotonic() - self._kept_at
                held = self._held() if late_by > lease_seconds / 2 else []
                if not held:
                    continue
                try:
                    extended = await queue.extend(held, lease_seconds=lease_seconds)
                except StorageUnavailable as error:
                    log.warning("storage.unavailable", loop="lease watch", error=str(error))
                    continue
                log.warning("loop.blocked", seconds=round(late_by, 1), kept=len(extended), held=len(held))
