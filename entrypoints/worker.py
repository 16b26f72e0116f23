"""The worker: claims messages, runs attempts, keeps their leases and settles their outcomes."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import structlog

from domain.attempts import Attempt, Outcome, StopReason, outcome_of_stop
from domain.claims import Claimer
from domain.identifiers import WorkerId
from domain.ports.compute import Compute
from domain.ports.hints import Topic
from domain.ports.workers import Presence
from domain.use_cases.report_progress import report_progress
from entrypoints import bootstrap
from entrypoints.clearing_up import clear_up
from entrypoints.lanes import Lane, OrdinaryLane
from entrypoints.leases import LeaseKeeper
from entrypoints.loops import first_of, leave_on_signals, repeat, wait_for
from entrypoints.metrics.catalogue import (
    ABANDONED,
    ATTEMPTS_LIMIT,
    ATTEMPTS_RUNNING,
    ATTEMPTS_STARTED,
    ATTEMPTS_UNSETTLED,
)
from entrypoints.metrics.port import metrics_port
from entrypoints.parent_watch import ALONE, Lineage, lineage
from entrypoints.presence import beat_until
from entrypoints.services import Services
from entrypoints.settings import Settings
from entrypoints.settling import Settler
from entrypoints.timeouts import Timeouts
from entrypoints.tracing import run_traced
from entrypoints.wards import wards

log = structlog.get_logger()

PROGRESS_SECONDS = 0.5


async def run_worker(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT, then drain."""
    leaving = leave_on_signals()
    we = lineage(os.environ)
    async with bootstrap.open_services(settings, bootstrap.tracing("worker")) as services:
        worker = Worker(services, bootstrap.local_compute(services, settings), settings, we)
        async with metrics_port(services, settings, reads_service=False), wards(services, settings):
            await worker.run(leaving)
    if worker.has_abandoned:
        # A function that ignores being stopped would keep this process for ever; everything is written.
        os._exit(0)


class Worker:
    """One worker process's share of the jobs.

    Four loops: take (claim and start), settle (write outcomes), keep (leases and cancellations), report
    (progress). An attempt is `running` until its function ended or was abandoned, and `unsettled` until its
    outcome is written; its lease is kept all the while.
    """

    def __init__(
        self,
        services: Services,
        compute: Compute,
        settings: Settings,
        we: Lineage = ALONE,
        lane: Lane | None = None,
    ) -> None:
        self._services = services
        self._compute, self._settings = compute, settings
        self._lane = lane or OrdinaryLane(services, settings)
        worker_id = WorkerId(we.process_id or services.ids.command_id())
        self.claimer = Claimer(worker_id=worker_id, compute=compute.name)
        self._exited = [WorkerId(name) for name in we.exited]
        self._running: dict[Attempt, asyncio.Task[None]] = {}
        self._next: asyncio.Task[list[Attempt]] | None = None
        self._changed = asyncio.Event()
        self._leases = LeaseKeeper(services, settings)
        self._timeouts = Timeouts()
        self._settler = Settler(services, self._leases, worker_id, self._changed)
        self.has_abandoned = False
        services.tallies.watch(ATTEMPTS_RUNNING, lambda: len(self._running))
        services.tallies.watch(ATTEMPTS_UNSETTLED, lambda: len(self._settler.unsettled))
        services.tallies.watch(ATTEMPTS_LIMIT, lambda: self._leases.limit)

    async def run(self, leaving: asyncio.Event) -> None:
        """Work until `leaving`, then drain: let attempts end, release the rest, settle them all."""
        log.info("worker.started", worker_id=self.claimer.worker_id, compute=self._compute.name)
        async with self.helping():
            await self._repeat("take", lambda: self._take(leaving), leaving)
            if self._next:
                await asyncio.wait({self._next})
                # What could not be claimed, or only the answer got lost, is left to the lease.
                for attempt in [] if self._next.exception() else self._next.result():
                    self._start(attempt)
            await self._drain()
        log.info("worker.left", worker_id=self.claimer.worker_id)

    @asynccontextmanager
    async def helping(self) -> AsyncIterator[None]:
        """Settle, keep and report while the block lasts; once for a worker."""
        settled = asyncio.Event()
        beating = asyncio.create_task(beat_until(settled, self._services, self._presence))
        helpers = [
            asyncio.create_task(self._repeat("settle", self._settler.settle, settled)),
            asyncio.create_task(self._repeat("keep", self._leases.keep, settled)),
            asyncio.create_task(self._repeat("report", self._report, settled)),
            asyncio.create_task(clear_up(settled, self._services, self.claimer.worker_id, self._exited)),
        ]
        try:
            with self._leases.watch:
                yield
        finally:
            settled.set()
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(beating, *helpers, return_exceptions=True)

    async def _repeat(self, name: str, step: Callable[[], Awaitable[None]], leaving: asyncio.Event) -> None:
        await repeat(name, step, leaving=leaving, tallies=self._services.tallies)

    def _presence(self) -> Presence:
        routes = self._settings.routes
        served = self._services.types.names() if self._lane.serves else ()
        return Presence(
            worker_id=self.claimer.worker_id,
            compute=self._compute.name,
            job_types=tuple(name for name in served if not routes.is_remote(name)),
            concurrency=self._settings.worker_concurrency,
            running=len(self._running),
        )

    async def _take(self, leaving: asyncio.Event) -> None:
        free = self._leases.limit - len(self._running)
        if free <= 0 and not self._next:
            self._changed.clear()
            poll = self._settings.poll_seconds
            await first_of(lambda: wait_for(self._changed, at_most=poll), leaving.wait)
            return
        claiming, self._next = self._next or asyncio.create_task(self._claim(free)), None
        attempts = await claiming
        free -= len(attempts)
        if len(attempts) == self._settings.worker_batch and free > 0 and not leaving.is_set():
            # There is more, and it can be on its way while these are started.
            self._next = asyncio.create_task(self._claim(free))
        self._services.tallies.add(ATTEMPTS_STARTED, len(attempts))
        for attempt in attempts:
            self._start(attempt)
        if not attempts:
            poll = self._settings.poll_seconds
            await first_of(lambda: self._services.hints.wait(Topic.QUEUE, at_most=poll), leaving.wait)

    async def _claim(self, free: int) -> list[Attempt]:
        limit = min(free, self._settings.worker_batch)
        return await self._lane.claim(
            self.claimer, limit=limit, beside=self._running, is_sound=not self.has_abandoned
        )

    def _start(self, attempt: Attempt) -> None:
        self._running[attempt] = asyncio.create_task(self._run(attempt))
        at_most = self._timeout_of(attempt) + self._settings.cancel_grace_seconds
        self._leases.hold(attempt, at_most_seconds=at_most)

    async def _run(self, attempt: Attempt) -> None:
        # From here on, not before: a task that is cancelled before it began would never come here.
        attempt.on_stop = partial(self._stop, attempt)
        self._timeouts.watch(attempt, seconds=self._timeout_of(attempt))
        outcome: Outcome
        try:
            if attempt.stopped_for:
                outcome = self._outcome_of_stop(attempt)
            elif self._services.tracing.is_on:
                outcome = await run_traced(self._services, self._compute, attempt, self.claimer.worker_id)
            else:
                outcome = await self._compute.run(attempt)
        except asyncio.CancelledError:
            outcome = self._outcome_of_stop(attempt)
        except Exception as error:
            # Not the function's doing: compute itself failed. The lease brings the job back.
            log.exception("compute.failed", job_id=attempt.job_id, attempt=attempt.number, error=repr(error))
            outcome = outcome_of_stop(StopReason.LEASE_LOST, timeout_seconds=0)
        finally:
            self._timeouts.let_go(attempt)
        if attempt in self._running:
            self._finish(attempt, outcome)

    def _timeout_of(self, attempt: Attempt) -> int:
        job = attempt.view.job
        kind = self._services.types.find(job.job_type)
        return job.timeout_seconds or (kind.timeout_seconds if kind else self._settings.lease_seconds)

    def _stop(self, attempt: Attempt) -> None:
        self._running[attempt].cancel()
        asyncio.get_running_loop().call_later(self._settings.cancel_grace_seconds, self._abandon, attempt)

    def _abandon(self, attempt: Attempt) -> None:
        """Go on without a function that does not stop: the fence keeps what it does from counting."""
        if attempt in self._running:
            self.has_abandoned = True
            self._services.tallies.add(ABANDONED)
            log.warning("attempt.abandoned", job_id=attempt.job_id, attempt=attempt.number)
            self._finish(attempt, self._outcome_of_stop(attempt))

    def _outcome_of_stop(self, attempt: Attempt) -> Outcome:
        reason = attempt.stopped_for or StopReason.LEAVING
        return outcome_of_stop(reason, timeout_seconds=self._timeout_of(attempt))

    def _finish(self, attempt: Attempt, outcome: Outcome) -> None:
        del self._running[attempt]
        attempt.end()
        self._settler.add(attempt, outcome)
        self._changed.set()

    async def _report(self) -> None:
        await asyncio.sleep(PROGRESS_SECONDS)
        attempts = [attempt for attempt in self._running if attempt.progress]
        services = self._services
        await report_progress(
            services.store, services.views, services.ids, worker_id=self.claimer.worker_id, attempts=attempts
        )

    async def _drain(self) -> None:
        log.info("worker.draining", running=len(self._running))
        await self._until(lambda: not self._running, at_most=self._settings.drain_seconds)
        for attempt in list(self._running):
            attempt.stop(StopReason.LEAVING)
        grace = self._settings.cancel_grace_seconds
        await self._until(lambda: not self._running, at_most=grace + 1)
        # What cannot be written now is left to the lease.
        await self._until(lambda: not self._settler.unsettled, at_most=grace + 1)

    async def _until(self, holds: Callable[[], bool], *, at_most: float) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + at_most
        while not holds() and loop.time() < end:
            self._changed.clear()
            await wait_for(self._changed, at_most=end - loop.time())
