"""What the whole service looks like, read from the database at most every few seconds, however many ask."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog

from domain.errors import StorageUnavailable
from domain.events import AttemptStarted
from domain.job_statistics import BUCKETS_PER_DOUBLING, EVERYBODY, UNMEASURED, Count, Rate, upper_bound
from domain.job_types import JobTypes
from domain.ports.job_statistics import JobStatistics, QueueDepth
from domain.ports.vitals import Vitals, VitalSigns
from domain.ports.workers import LivingWorker, Workers
from entrypoints.metrics import catalogue as c
from entrypoints.metrics.catalogue import Metric
from entrypoints.metrics.tallies import Labels, Samples, Tallies

log = structlog.get_logger()

OTHER = "other"
# Events are counted by the minute in which they were recorded, and may be seen a little later.
SLACK = timedelta(minutes=1)
# A duration lies anywhere in its bucket; this is the middle of it.
MIDDLE = 2 ** (-0.5 / BUCKETS_PER_DOUBLING)


class Reading(NamedTuple):
    """One look at the service, all by the database's clock."""

    vitals: Vitals
    depth: QueueDepth
    counts: list[Count]
    workers: list[LivingWorker]

    @property
    def backlog(self) -> int:
        return self.vitals.workable + self.depth.visible

    @property
    def overdue_since(self) -> datetime | None:
        return self.vitals.overdue_since(self.depth.oldest_due_at)

    @property
    def oldest_due_seconds(self) -> float:
        since = [at for at in (self.overdue_since, self.vitals.oldest_message_at) if at]
        return self.age_of(min(since, default=None))

    def age_of(self, at: datetime | None) -> float:
        return max(0.0, (self.vitals.read_at - at).total_seconds()) if at else 0.0


class Readings:
    """The last reading, and counters of the events that were seen to be counted from one to the next.

    The counters begin at zero with each process, as counters do, and each process that reads has all of them.
    """

    def __init__(
        self,
        vitals: VitalSigns,
        statistics: JobStatistics,
        workers: Workers,
        types: JobTypes,
        *,
        every_seconds: float,
    ) -> None:
        self._vitals = vitals
        self._statistics = statistics
        self._workers = workers
        self._types = types
        self._every_seconds = every_seconds
        self._tried_at = float("-inf")
        self._reading = asyncio.Lock()
        self._events = Tallies()
        self._seen: dict[tuple[datetime, str, str, int], int] | None = None
        self._succeeded_at = float("-inf")
        self.last: Reading | None = None
        self.is_current = False

    async def refresh(self) -> None:
        """Read again unless that was just tried; when it fails the last reading stays, and ages."""
        async with self._reading:
            if time.monotonic() - self._tried_at < self._every_seconds:
                return
            try:
                await self._read()
                self.is_current = True
            except StorageUnavailable as error:
                self.is_current = False
                log.warning("readings.unavailable", error=str(error))
            self._tried_at = time.monotonic()

    @property
    def age_seconds(self) -> float:
        return time.monotonic() - self._succeeded_at

    async def _read(self) -> None:
        vitals = await self._vitals.read()
        await self._count_events(vitals.read_at)
        depth = await self._statistics.queue_depth()
        counts = await self._statistics.counts(user_id=EVERYBODY)
        self.last = Reading(vitals, depth, counts, await self._workers.living())
        self._succeeded_at = time.monotonic()

    async def _count_events(self, now: datetime) -> None:
        # What was not counted at the last look may have been recorded long before it.
        behind = self.last.vitals.oldest_uncounted_at or self.last.vitals.read_at if self.last else now
        rates = await self._statistics.rates(
            user_id=EVERYBODY, since=behind.replace(second=0, microsecond=0) - SLACK
        )
        seen = {rate[:4]: rate.events for rate in rates}
        if self._seen is not None:
            for rate in rates:
                self._add(rate, rate.events - self._seen.get(rate[:4], 0))
        self._seen = seen

    def _add(self, rate: Rate, events: int) -> None:
        if events <= 0:
            return
        job_type = self._label_of(rate.job_type)
        self._events.add(c.EVENTS, events, job_type, rate.event_type)
        if rate.bucket != UNMEASURED:
            metric = c.WAIT_SECONDS if rate.event_type == AttemptStarted.__name__ else c.ATTEMPT_SECONDS
            seconds = upper_bound(rate.bucket).total_seconds() * MIDDLE
            self._events.observe(metric, seconds, job_type, times=events)

    def _label_of(self, job_type: str) -> str:
        """Job types that this process knows are few; of others there may once have been any number."""
        return job_type if self._types.find(job_type) else OTHER

    @property
    def events(self) -> Tallies:
        return self._events

    def samples(self) -> Iterator[tuple[Metric, Samples]]:
        yield c.DATABASE_UP, {(): float(self.is_current)}
        if self.last is None:
            return
        vitals, depth = self.last.vitals, self.last.depth
        jobs: Counter[Labels] = Counter()
        for count in self.last.counts:
            jobs[self._label_of(count.job_type), count.status.value] += count.jobs
        yield c.JOBS, jobs
        yield c.READ_AT, {(): vitals.read_at.timestamp()}
        yield c.OLDEST_DUE, {(): self.last.oldest_due_seconds}
        yield c.RELAY_LAG, {(): self.last.age_of(self.last.overdue_since)}
        yield c.DUE, {("local",): vitals.due, ("remote",): vitals.due_remote}
        held = vitals.held
        yield c.PAUSED_QUEUES, {(): held.paused_queues if held else 0}
        yield c.HELD_JOBS, {(): held.jobs if held else 0}
        yield c.OLDEST_HELD, {(): self.last.age_of(held.oldest_at if held else None)}
        yield c.MESSAGES, {("visible",): depth.visible, ("leased",): depth.leased}
        yield c.STATISTICS_LAG, {(): self.last.age_of(vitals.oldest_uncounted_at)}
        yield c.SEAL_LAG, {(): self.last.age_of(vitals.oldest_unsealed_at)}
        yield c.LEDGER_SIZE, {(): vitals.ledger_size}
        yield c.SIGNED_SIZE, {(): vitals.signed_size}
        yield c.MONTHS_AHEAD, {(): vitals.months_ahead}
        yield c.LAST_SWEEP, {(): vitals.last_sweep_at.timestamp() if vitals.last_sweep_at else 0}
        yield c.PARKED, {(): vitals.parked}
        yield c.DEAD_ROWS, {(table,): rows for table, rows in vitals.dead_rows.items()}
        living = [worker.presence for worker in self.last.workers]
        yield c.WORKERS, {(): len(living)}
        yield c.CAPACITY, {(): sum(worker.concurrency for worker in living)}
        yield c.OLDEST_TRANSACTION, {(): self.last.age_of(vitals.oldest_transaction_at)}
