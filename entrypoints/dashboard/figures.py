"""Figures for the overview, from the statistics projection: read once for all who look, and never counted."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from domain.identifiers import UserId
from domain.job_statistics import UNMEASURED, Count, Rate, step_of
from entrypoints.services import Services


class Period(StrEnum):
    HOUR = "1h"
    QUARTER = "6h"
    DAY = "24h"
    WEEK = "7d"


class Span(NamedTuple):
    """How a period is drawn: in steps of so long, read again after so many seconds."""

    title: str
    length: timedelta
    step: timedelta
    fresh_for: float


SPANS = {
    Period.HOUR: Span("Last hour", timedelta(hours=1), timedelta(minutes=1), 4),
    Period.QUARTER: Span("Last 6 hours", timedelta(hours=6), timedelta(minutes=5), 20),
    Period.DAY: Span("Last 24 hours", timedelta(days=1), timedelta(minutes=20), 60),
    Period.WEEK: Span("Last 7 days", timedelta(days=7), timedelta(hours=2), 300),
}

STARTED = "AttemptStarted"
SUBMITTED = "JobSubmitted"
ENDS = {"JobCompleted": "completed", "JobFailed": "failed", "JobCancelled": "cancelled"}
TROUBLES = ("AttemptFailed", "AttemptLost")

Histogram = dict[int, int]


class Tally(NamedTuple):
    """What happened in a step, or to a job type: events by name, and how long waiting and running took."""

    events: defaultdict[str, int]
    waiting: defaultdict[int, int]
    running: defaultdict[int, int]

    def add(self, rate: Rate) -> None:
        self.events[rate.event_type] += rate.events
        if rate.bucket != UNMEASURED:
            histogram = self.waiting if rate.event_type == STARTED else self.running
            histogram[rate.bucket] += rate.events

    @property
    def ended(self) -> int:
        return sum(self.events[name] for name in ENDS)


def new_tally() -> Tally:
    return Tally(defaultdict(int), defaultdict(int), defaultdict(int))


class Flow(NamedTuple):
    """What happened in a period: step by step from the oldest on, by job type, and altogether."""

    span: Span
    steps: list[tuple[datetime, Tally]]
    by_type: dict[str, Tally]
    total: Tally


def flow_of(rates: list[Rate], span: Span, now: datetime) -> Flow:
    """`rates` in the steps that end with the one `now` is in."""
    last = step_of(now, span.step)
    first = step_of(now - span.length, span.step) + span.step
    steps = {first + span.step * n: new_tally() for n in range((last - first) // span.step + 1)}
    by_type: defaultdict[str, Tally] = defaultdict(new_tally)
    total = new_tally()
    for rate in rates:
        at = step_of(rate.minute, span.step)
        if at in steps:
            for tally in (steps[at], by_type[rate.job_type], total):
                tally.add(rate)
    return Flow(span, sorted(steps.items()), dict(by_type), total)


class Figures:
    """Reads what many people look at once for all of them, and not again while it is fresh."""

    def __init__(
        self, services: Callable[[], Services], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._services = services
        self._clock = clock
        self._flows: dict[tuple[UserId, Period], tuple[float, Flow]] = {}
        self._reading: defaultdict[tuple[UserId, Period], asyncio.Lock] = defaultdict(asyncio.Lock)

    async def counts(self, scope: UserId) -> list[Count]:
        return await self._services().statistics.counts(user_id=scope)

    async def flow(self, scope: UserId, period: Period) -> Flow:
        """What happened in the period, a few seconds old at most."""
        key = (scope, period)
        async with self._reading[key]:
            known = self._flows.get(key)
            if known and self._clock() < known[0]:
                return known[1]
            span = SPANS[period]
            now = self._services().clock.now()
            since = step_of(now - span.length, span.step)
            rates = await self._services().statistics.rates(user_id=scope, since=since, step=span.step)
            found = flow_of(rates, span, now)
            self._forget_stale()
            self._flows[key] = (self._clock() + span.fresh_for, found)
            return found

    def _forget_stale(self) -> None:
        now = self._clock()
        for key, (until, _) in list(self._flows.items()):
            if until < now:
                del self._flows[key]
        for key in [
            key for key, lock in self._reading.items() if key not in self._flows and not lock.locked()
        ]:
            del self._reading[key]
