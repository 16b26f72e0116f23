"""A job's life as a picture: when it waited, and each attempt as a bar."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from domain.events import (
    AttemptFailed,
    AttemptLost,
    AttemptReleased,
    AttemptStarted,
    CancellationRequested,
    JobCancelled,
    JobCompleted,
    JobFailed,
    ProgressReported,
    RecordedEvent,
)
from domain.job import apply
from domain.lifecycle import ENDED, Status
from entrypoints.dashboard import words

MAX_ROWS = 16
LEAST_SHARE = 0.012
ENDINGS = {
    AttemptFailed: ("retrying", "failed"),
    AttemptLost: ("retrying", "lost"),
    AttemptReleased: ("retrying", "given back"),
    JobCompleted: ("completed", "completed"),
    JobFailed: ("failed", "failed"),
    JobCancelled: ("cancelled", "stopped"),
}

# Title, detail, tone and icon of what is no attempt; the ended ones were left by a retry by hand.
WAITS = {
    Status.SCHEDULED: ("Scheduled", "for later", "scheduled", "calendar-clock"),
    Status.PENDING: ("Waiting", "for a worker", "pending", "clock"),
    Status.RETRYING: ("Backing off", "before the next attempt", "waiting", "hourglass"),
    Status.FAILED: ("At rest", "failed, until retried by hand", "rest", "circle-x"),
    Status.CANCELLED: ("At rest", "cancelled, until retried by hand", "rest", "ban"),
}
MARKED = (ProgressReported, CancellationRequested)


class Phase(NamedTuple):
    """A stretch of time in which a job's status stayed as it was; `closed_by` is None while it goes on."""

    status: Status
    opened_by: RecordedEvent
    closed_by: RecordedEvent | None

    @property
    def began(self) -> datetime:
        return self.opened_by.recorded_at

    @property
    def ended(self) -> datetime | None:
        return self.closed_by.recorded_at if self.closed_by else None

    def holds(self, recorded: RecordedEvent) -> bool:
        """Whether it happened in this phase: by version, because several events may share a moment."""
        last = self.closed_by.version if self.closed_by else recorded.version
        return self.opened_by.version <= recorded.version <= last


class Bar(NamedTuple):
    """Places are in percent of the picture's width; `tone` names the colour, `icon` the shape."""

    title: str
    detail: str
    tone: str
    icon: str
    took: str
    x: float
    width: float
    goes_on: bool
    marks: tuple[float, ...] = ()


class Tick(NamedTuple):
    x: float
    text: str
    anchor: str


class Timeline(NamedTuple):
    """`is_to_scale` is False where short phases had to be widened to be seen."""

    bars: list[Bar]
    hidden: int
    ticks: list[Tick]
    is_to_scale: bool


class _Scale:
    """From time to place, in proportion; a phase too short to be seen is as wide as LEAST_SHARE."""

    def __init__(self, phases: Sequence[Phase], now: datetime) -> None:
        lengths = [_length(phase, now) for phase in phases]
        total = sum(lengths) or 1.0
        shares = [length / total for length in lengths]
        weights = [max(share, LEAST_SHARE) for share in shares]
        self.is_to_scale = weights == shares
        whole = sum(weights) or 1.0
        self._steps: list[tuple[datetime, float, float, float]] = []
        place = 0.0
        for phase, length, weight in zip(phases, lengths, weights, strict=True):
            width = 100 * weight / whole
            self._steps.append((phase.began, length, place, width))
            place += width

    def place(self, at: datetime) -> float:
        for began, length, x, width in reversed(self._steps):
            if at >= began:
                share = min(1.0, (at - began).total_seconds() / length) if length else 1.0
                return x + width * share
        return 0.0

    def span(self, index: int) -> tuple[float, float]:
        _, _, x, width = self._steps[index]
        return x, width


def _length(phase: Phase, now: datetime) -> float:
    return max(((phase.ended or max(now, phase.began)) - phase.began).total_seconds(), 0.0)


def phases_of(stream: Sequence[RecordedEvent]) -> list[Phase]:
    """The phases of a whole stream; being asked to stop is part of an attempt, and no phase ends a job."""
    phases: list[Phase] = []
    job = None
    for recorded in stream:
        before = job.status if job else None
        job = apply(job, recorded)
        if job.status is before or job.status is Status.CANCELLING:
            continue
        if phases:
            phases[-1] = phases[-1]._replace(closed_by=recorded)
        phases.append(Phase(job.status, recorded, None))
    return phases[:-1] if phases and phases[-1].status in ENDED else phases


def timeline_of(stream: Sequence[RecordedEvent], now: datetime) -> Timeline:
    """The picture of a whole stream, as it is at `now`."""
    phases = phases_of(stream)
    scale = _Scale(phases, now)
    bars = []
    for index, phase in enumerate(phases):
        x, width = scale.span(index)
        took, goes_on = words.duration(_length(phase, now)), phase.ended is None
        if phase.status is Status.PROCESSING:
            within = [recorded for recorded in stream if phase.holds(recorded)]
            told = _attempt(phase, within)
            marks = tuple(scale.place(e.recorded_at) for e in within if isinstance(e.event, MARKED))
        else:
            told, marks = WAITS[phase.status], ()
        bars.append(Bar(*told, took, x, width, goes_on, marks))
    hidden = max(0, len(bars) - MAX_ROWS)
    if hidden:
        bars = [*bars[: MAX_ROWS // 4], *bars[hidden + MAX_ROWS // 4 :]]
    return Timeline(bars, hidden, _ticks(phases, now), scale.is_to_scale)


def _attempt(phase: Phase, within: Sequence[RecordedEvent]) -> tuple[str, str, str, str]:
    (number, worker) = next(
        (recorded.event.attempt, recorded.event.worker_id)
        for recorded in within
        if isinstance(recorded.event, AttemptStarted)
    )
    if phase.closed_by:
        icon = words.tell(phase.closed_by.event).icon
        tone, how = ENDINGS.get(type(phase.closed_by.event), ("retrying", "lost"))
    elif any(isinstance(recorded.event, CancellationRequested) for recorded in within):
        tone, how, icon = "cancelling", "asked to stop", "circle-stop"
    else:
        tone, how, icon = "processing", "running", "circle-play"
    return f"Attempt {number}", f"{how} · worker {words.short_id(worker)}", tone, icon


def _ticks(phases: Sequence[Phase], now: datetime) -> list[Tick]:
    if not phases:
        return []
    began, last = phases[0].began, phases[-1]
    end = last.ended or now
    form = "%H:%M:%S" if end - began < timedelta(days=1) else "%Y-%m-%d %H:%M"
    right = "now" if last.ended is None else end.strftime(form)
    return [Tick(0, began.strftime(form), "start"), Tick(100, right, "end")]
