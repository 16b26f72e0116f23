"""What each event of a job changed: its fields before and after."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, NamedTuple

import orjson

from domain.events import RecordedEvent
from domain.views import JobView, project
from entrypoints.api.answers import job_out
from entrypoints.dashboard import words
from entrypoints.dashboard.words import Telling, reason_of, tell

# They move with every event and say nothing of their own.
UNTOLD = {"version", "updated_at", "links", "id"}
SHOWN_CHARACTERS = 300


class FieldChange(NamedTuple):
    name: str
    before: str
    after: str


class EventRow(NamedTuple):
    """One event as the page shows it; `since_last` is None for the first."""

    recorded: RecordedEvent
    told: Telling
    reason: str | None
    since_last: timedelta | None
    changes: list[FieldChange]


def rows_of(stream: Sequence[RecordedEvent]) -> list[EventRow]:
    """A row for each event of a whole stream."""
    rows: list[EventRow] = []
    view: JobView | None = None
    shown: dict[str, Any] = {}
    last: datetime | None = None
    for recorded in stream:
        view = project(view, recorded)
        before, shown = shown, job_out(view)
        since = recorded.recorded_at - last if last else None
        told = tell(recorded.event)
        rows.append(EventRow(recorded, told, reason_of(recorded.event), since, _differences(before, shown)))
        last = recorded.recorded_at
    return rows


def _differences(before: dict[str, Any], after: dict[str, Any]) -> list[FieldChange]:
    return [
        FieldChange(name, _text(before.get(name)), _text(value))
        for name, value in after.items()
        if name not in UNTOLD and value != before.get(name) and not (not before and value in (None, [], {}))
    ]


def _text(value: Any) -> str:
    if value is None:
        return words.NOTHING
    if isinstance(value, Enum):
        return str(value.value)
    text = value if isinstance(value, str) else orjson.dumps(value, default=str).decode()
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"
