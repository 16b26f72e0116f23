"""How pages say numbers, times and events."""

import json
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from domain.events import (
    AttemptDispatched,
    AttemptFailed,
    AttemptLost,
    AttemptReleased,
    AttemptStarted,
    CancellationRequested,
    Cause,
    JobCancelled,
    JobCompleted,
    JobError,
    JobEvent,
    JobFailed,
    JobRequeued,
    JobRetried,
    JobSubmitted,
    LateResultRejected,
    PersonalDataErased,
    ProgressReported,
)
from domain.explanation import CAUSES
from domain.identifiers import Json
from domain.lifecycle import Status
from domain.views import JobView

UNITS = (("d", 86_400), ("h", 3600), ("min", 60))
SHORT_ID = 12
NOTHING = "\N{EN DASH}"
SPENDING = (Cause.FAILED, Cause.TIMED_OUT)

# Each state has a shape of its own, so that colour is never all there is.
STATUS_ICONS = {
    Status.SCHEDULED: "calendar-clock",
    Status.PENDING: "clock",
    Status.RETRYING: "rotate-cw",
    Status.PROCESSING: "circle-play",
    Status.CANCELLING: "circle-stop",
    Status.COMPLETED: "circle-check",
    Status.FAILED: "circle-x",
    Status.CANCELLED: "ban",
}


def failed_attempts(view: JobView) -> int:
    """Of the budget, with the one that ended the job; the job itself counts those that were tried again."""
    ended_it = view.job.status is Status.FAILED and view.error_info and view.error_info.cause in SPENDING
    return view.job.failed_attempts + bool(ended_it)


class Telling(NamedTuple):
    """An event in words: its icon, its tone (a status or "plain"), what happened, and details."""

    icon: str
    tone: str
    title: str
    detail: str = ""


def number(value: float) -> str:
    if isinstance(value, float) and not value.is_integer():
        return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"  # noqa: PLR2004 - a tenth says nothing there
    return f"{value:,.0f}"


def rate(per_minute: float) -> str:
    """So many a minute, or an hour where that would be less than one."""
    if 0 < per_minute < 1:
        return f"{number(round(per_minute * 60))} an hour"
    return f"{number(per_minute)} a minute"


def duration(length: timedelta | float | None) -> str:
    """Two units at most: 340 ms, 2.4 s, 3 min 12 s, 2 h 5 min."""
    if length is None:
        return NOTHING
    seconds = length.total_seconds() if isinstance(length, timedelta) else float(length)
    if seconds < 0:
        return "0 ms"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"  # noqa: PLR2004 - a tenth matters
    left = round(seconds)
    parts: list[str] = []
    for unit, size in (*UNITS, ("s", 1)):
        count, left = divmod(left, size)
        if count or parts:
            parts.append(f"{count} {unit}" if count else "")
    return " ".join(part for part in parts[:2] if part)


def instant(at: datetime | None, *, exact: bool = False) -> str:
    """In UTC; the milliseconds only where they are `exact`."""
    if at is None:
        return NOTHING
    text = at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    return text[:-3] if exact else text[:-7]


def short_id(identifier: str) -> str:
    """The end of a long id: those of one moment begin alike."""
    return f"…{identifier[-SHORT_ID:]}" if len(identifier) > SHORT_ID + 8 else identifier


def plural(count: int, noun: str) -> str:
    return f"{number(count)} {noun}" if count == 1 else f"{number(count)} {noun}s"


def _error(error: JobError | None) -> str:
    return f"{error.type}: {error.message}" if error else ""


def tell(event: JobEvent) -> Telling:  # noqa: C901, PLR0911, PLR0912 - a sentence for each event
    match event:
        case JobSubmitted(run_at=datetime() as run_at):
            return Telling("send", "scheduled", "Submitted for later", f"not before {instant(run_at)}")
        case JobSubmitted():
            return Telling("send", "pending", "Submitted", f"priority {event.priority}")
        case AttemptDispatched():
            return Telling("send", "plain", f"Handed to {event.compute}", f"call {event.call_id}")
        case AttemptStarted():
            told = f"on worker {short_id(event.worker_id)}"
            return Telling("play", "processing", f"Attempt {event.attempt} started", told)
        case ProgressReported():
            percent = "" if event.percent is None else f"{event.percent}%"
            return Telling("activity", "plain", f"Progress {percent}".strip(), event.message or "")
        case JobCompleted():
            return Telling("circle-check", "completed", f"Attempt {event.attempt} completed the job")
        case AttemptFailed():
            told = _error(event.error) or CAUSES[event.cause]
            return Telling("circle-x", "retrying", f"Attempt {event.attempt} failed, to be tried again", told)
        case AttemptLost():
            title = f"Attempt {event.attempt} was lost, to be tried again"
            return Telling("wifi-off", "retrying", title, CAUSES[event.cause])
        case AttemptReleased():
            return Telling(
                "undo-2", "retrying", f"Attempt {event.attempt} was given back", CAUSES[event.cause]
            )
        case JobFailed():
            return Telling("circle-x", "failed", "The job failed", _error(event.error) or CAUSES[event.cause])
        case CancellationRequested():
            return Telling("circle-stop", "cancelling", "Asked to stop")
        case JobCancelled():
            return Telling("ban", "cancelled", "Cancelled")
        case JobRequeued():
            return Telling("wrench", "pending", "Recovery queued it again", CAUSES[event.cause])
        case JobRetried():
            return Telling("rotate-cw", "pending", "Retried by hand, with fresh budgets")
        case LateResultRejected():
            title = f"Attempt {event.attempt} reported too late"
            return Telling("clock-alert", "plain", title, f"it was {event.outcome}; recorded, not applied")
        case PersonalDataErased():
            told = f"payloads up to version {event.through_version}"
            return Telling("eraser", "plain", "Personal data was erased", told)


def reason_of(event: JobEvent) -> str | None:
    """What somebody gave as the reason; None for events that have none, and for erased ones."""
    match event:
        case CancellationRequested() | JobCancelled() | JobRetried():
            return event.reason
        case PersonalDataErased():
            return event.basis
    return None


def pretty(value: Json) -> str:
    """JSON for people to read."""
    return json.dumps(value, indent=2, ensure_ascii=False)
