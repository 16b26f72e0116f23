"""The worker: claims messages, runs attempts, keeps their leases and settles their outcomes."""

import asyncio
import os
from collections.abc import Callable

import structlog

from domain.attempts import Attempt, Outcome, StopReason, outcome_of_stop
from domain.claims import Claimer
from domain.errors import StorageUnavailable
from domain.identifiers import WorkerId
from domain.ports.compute import Compute
from domain.ports.hints import Topic
from domain.use_cases.claim import claim
from domain.use_cases.keep_lease import keep_leases
from domain.use_cases.report_progress import report_progress
from domain.use_cases.settle import Finished, settle
from entrypoints import bootstrap
from entrypoints.loops import first_of, leave_on_signals, repeat, wait_for
from entrypoints.services import Services
from entrypoints.settings import Settings

log = structlog.get_logger()

PROGRESS_SECONDS = 0.5


async def run_worker(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT, then drain."""
    leaving = leave_on_signals()
    async with bootstrap.open_services(settings) as services:
        worker = Worker(services, bootstrap.local_compute(services, settings), settings)
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

    def __init__(self, services: Services, compute: Compute, settings: Settings) -> None:
        self._services = services
        self._compute = compute
        self._settings = settings
        self._claimer = Claimer(worker_id=WorkerId(services.ids.command_id()), compute=compute.name)
        self._running: dict[Attempt, asyncio.Task[Outcome]] = {}
        self._unsettled: dict[Attempt, Finished] = {}
        self._to_settle: list[Finished] = []
        self._changed = asyncio.Event()
        self._finished_one = asyncio.Event()
        self.has_abandoned = False

    async def run(self, leaving: asyncio.Event) -> None:
        """Work until `leaving`, then drain: let attempts end, release the rest, settle them all."""
        log.info("worker.started", worker_id=self._claimer.worker_id, compute=self._compute.name)
        settled = asyncio.Event()
        helpers = [
            asyncio.create_task(repeat("settle", self._settle, leaving=settled)),
            asyncio.create_task(repeat("keep", self._keep, leaving=settled)),
            asyncio.create_task(repeat("report", self._report, leaving=settled)),
        ]
        await repeat("take", lambda: self._take(leaving), leaving=leaving)
        await self._drain()
        settled.set()
        for helper in helpers:
            helper.cancel()
        await asyncio.gather(*helpers, return_exceptions=True)
        log.info("worker.left", worker_id=self._claimer.worker_id)

    async def _take(self, leaving: asyncio.Event) -> None:
        free = self._settings.worker_concurrency - len(self._running)
        if free <= 0:
            self._changed.clear()
            await first_of(self._changed.wait, leaving.wait)
            return
        services = self._services
        attempts = await claim(
            services.store,
            services.queue,
            services.hints,
            services.types,
            services.clock,
            services.ids,
            services.randomness,
            claimer=self._claimer,
            limit=min(free, self._settings.worker_batch),
            lease_seconds=self._settings.lease_seconds,
        )
        for attempt in attempts:
            self._start(attempt)
        if not attempts:
            poll = self._settings.poll_seconds
            await first_of(lambda: services.hints.wait(Topic.QUEUE, at_most=poll), leaving.wait)

    def _start(self, attempt: Attempt) -> None:
        task = asyncio.create_task(self._compute.run(attempt))
        self._running[attempt] = task
        loop = asyncio.get_running_loop()
        timeout = self._timeout_of(attempt)
        timer = loop.call_later(timeout, attempt.stop, StopReason.TIMED_OUT)
        attempt.on_stop = lambda: self._stop(attempt, task)
        task.add_done_callback(lambda _: timer.cancel())
        task.add_done_callback(lambda _: self._end(attempt, task))

    def _timeout_of(self, attempt: Attempt) -> int:
        job = attempt.view.job
        kind = self._services.types.find(job.job_type)
        return job.timeout_seconds or (kind.timeout_seconds if kind else self._settings.lease_seconds)

    def _stop(self, attempt: Attempt, task: "asyncio.Task[Outcome]") -> None:
        task.cancel()
        asyncio.get_running_loop().call_later(
            self._settings.cancel_grace_seconds, self._abandon, attempt, task
        )

    def _abandon(self, attempt: Attempt, task: "asyncio.Task[Outcome]") -> None:
        """Go on without a function that does not stop: the fence keeps what it does from counting."""
        if self._running.get(attempt) is task and not task.done():
            self.has_abandoned = True
            log.warning("attempt.abandoned", job_id=attempt.job_id, attempt=attempt.number)
            self._finish(attempt, self._outcome_of_stop(attempt))

    def _outcome_of_stop(self, attempt: Attempt) -> Outcome:
        reason = attempt.stopped_for or StopReason.LEAVING
        return outcome_of_stop(reason, timeout_seconds=self._timeout_of(attempt))

    def _end(self, attempt: Attempt, task: "asyncio.Task[Outcome]") -> None:
        if attempt not in self._running:
            return
        if task.cancelled():
            self._finish(attempt, self._outcome_of_stop(attempt))
        elif error := task.exception():
            # Not the function's doing: compute itself failed. The lease brings the job back.
            log.error("compute.failed", job_id=attempt.job_id, attempt=attempt.number, error=repr(error))
            self._finish(attempt, outcome_of_stop(StopReason.LEASE_LOST, timeout_seconds=0))
        else:
            self._finish(attempt, task.result())

    def _finish(self, attempt: Attempt, outcome: Outcome) -> None:
        del self._running[attempt]
        finished = Finished(attempt=attempt, outcome=outcome, command_id=self._services.ids.command_id())
        self._unsettled[attempt] = finished
        self._to_settle.append(finished)
        self._finished_one.set()
        self._changed.set()

    async def _settle(self) -> None:
        await self._finished_one.wait()
        self._finished_one.clear()
        batch, self._to_settle = self._to_settle, []
        try:
            await self._write(batch)
        except BaseException:
            self._to_settle = [item for item in batch if item.attempt in self._unsettled] + self._to_settle
            self._finished_one.set()
            raise

    async def _write(self, batch: list[Finished]) -> None:
        services = self._services
        try:
            await settle(
                services.store,
                services.views,
                services.hints,
                services.types,
                services.clock,
                services.randomness,
                worker_id=self._claimer.worker_id,
                finished=batch,
            )
        except StorageUnavailable:
            raise
        except Exception:
            # One outcome that cannot be written must not hold up the others; its lease brings its job back.
            if len(batch) == 1:
                log.exception("attempt.unsettled", job_id=batch[0].attempt.job_id)
                del self._unsettled[batch[0].attempt]
                return
            for item in batch:
                await self._write([item])
            return
        for finished in batch:
            del self._unsettled[finished.attempt]
            log.info(
                "attempt.finished",
                job_id=finished.attempt.job_id,
                attempt=finished.attempt.number,
                job_type=finished.attempt.view.job.job_type,
                outcome=type(finished.outcome).__name__,
            )
        self._changed.set()

    async def _keep(self) -> None:
        third = self._settings.lease_seconds / 3
        await self._services.hints.wait(Topic.CANCELLATION, at_most=third)
        held = [*self._running, *self._unsettled]
        await keep_leases(self._services.queue, attempts=held, lease_seconds=self._settings.lease_seconds)

    async def _report(self) -> None:
        await asyncio.sleep(PROGRESS_SECONDS)
        attempts = [attempt for attempt in self._running if attempt.progress]
        services = self._services
        await report_progress(
            services.store, services.views, services.ids, worker_id=self._claimer.worker_id, attempts=attempts
        )

    async def _drain(self) -> None:
        log.info("worker.draining", running=len(self._running))
        await self._until(lambda: not self._running, at_most=self._settings.drain_seconds)
        for attempt in list(self._running):
            attempt.stop(StopReason.LEAVING)
        grace = self._settings.cancel_grace_seconds
        await self._until(lambda: not self._running, at_most=grace + 1)
        # What cannot be written now is left to the lease.
        await self._until(lambda: not self._unsettled, at_most=grace + 1)

    async def _until(self, holds: Callable[[], bool], *, at_most: float) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + at_most
        while not holds() and loop.time() < end:
            self._changed.clear()
            await wait_for(self._changed, at_most=end - loop.time())
