"""What happened in a period, step by step, out of the statistics projection."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from domain.job_statistics import UNMEASURED, Rate, step_of


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
    """`rates`, which are by the span's steps, in the steps that end with the one `now` is in."""
    last = step_of(now, span.step)
    first = step_of(now - span.length, span.step) + span.step
    steps = {first + span.step * n: new_tally() for n in range((last - first) // span.step + 1)}
    by_type: defaultdict[str, Tally] = defaultdict(new_tally)
    for rate in rates:
        if tally := steps.get(rate.minute):
            tally.add(rate)
            by_type[rate.job_type].add(rate)
    return Flow(span, sorted(steps.items()), dict(by_type), _sum(by_type.values()))


def _sum(tallies: Iterable[Tally]) -> Tally:
    total = new_tally()
    for tally in tallies:
        for event_type, events in tally.events.items():
            total.events[event_type] += events
        for bucket, events in tally.waiting.items():
            total.waiting[bucket] += events
        for bucket, events in tally.running.items():
            total.running[bucket] += events
    return total
