"""What answers show: plain dictionaries, and beside them the models of the OpenAPI document.

Answers are made by hand, because a second validation of our own data would cost more than the request;
a test holds the models and the dictionaries together.
"""

import json
from dataclasses import fields
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from typing import Any

import orjson
from fastapi import Response
from pydantic import BaseModel

from domain.events import JobError, JobEvent, RecordedEvent
from domain.identifiers import Json
from domain.lifecycle import Act, Status, allowed
from domain.views import JobView

MODAL_DASHBOARD = "https://modal.com/id"
ACTS = {Act.CANCEL: ("cancel", "/cancel"), Act.RETRY: ("retry", "/retry")}
# Where a job leads on from each state: what may be asked of it then, and what may always be read.
LINKS = {
    status: [
        ("self", ""),
        ("events", "/events"),
        ("explain", "/explain"),
        *(link for act, link in ACTS.items() if allowed(status, act)),
    ]
    for status in Status
}


class ProgressOut(BaseModel):
    percent: int | None
    message: str | None


class ErrorOut(BaseModel):
    cause: str
    attempt: int
    type: str | None
    message: str | None
    retryable: bool | None


class JobOut(BaseModel):
    """A job as it is now; `version` is also its ETag."""

    id: str
    user_id: str
    job_type: str
    job_parameters: Any
    status: Status
    version: int
    attempt: int
    max_attempts: int
    priority: int
    tags: list[str]
    group_key: str | None
    progress: ProgressOut | None
    result: Any
    error_info: ErrorOut | None
    data_references: list[str]
    unique_key: str | None
    run_at: datetime | None
    due_at: datetime | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    updated_at: datetime
    links: dict[str, str]


class CountOut(BaseModel):
    """How many jobs the filters find, on all pages together."""

    jobs: int
    is_exact: bool


class JobPage(BaseModel):
    """`count` only where it was asked for."""

    jobs: list[JobOut]
    next: str | None
    count: CountOut | None = None


class EventOut(BaseModel):
    """One event; `data` is what happened, without what was erased."""

    job_id: str
    version: int
    type: str
    schema_version: int
    recorded_at: datetime
    actor: dict[str, str]
    request_id: str | None
    command_id: str
    traceparent: str | None
    code_version: str
    data: dict[str, Any]
    commitment: str | None
    is_erased: bool


class EventPage(BaseModel):
    events: list[EventOut]
    next: str | None


class ProblemOut(BaseModel):
    """RFC 9457, with the request's id; `errors` points to each bad field."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    request_id: str
    errors: list[dict[str, str]] | None = None


# A new job has three of one and the same, and so have all whose submissions shared a statement.
@lru_cache(1024)
def instant(at: datetime | None) -> str | None:
    """RFC 3339 in UTC."""
    return None if at is None else at.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def job_out(view: JobView) -> dict[str, Any]:
    job = view.job
    place = f"/jobs/{job.id}"
    return {
        "id": job.id,
        "user_id": job.user_id,
        "job_type": job.job_type,
        "job_parameters": view.job_parameters,
        "status": job.status.value,
        "version": job.version,
        "attempt": job.attempt,
        "max_attempts": job.max_attempts,
        "priority": job.priority,
        "tags": list(view.tags),
        "group_key": view.group_key,
        "progress": _progress_out(view),
        "result": view.result,
        "error_info": _error_out(view),
        "data_references": list(view.data_references),
        "unique_key": view.unique_key,
        "run_at": instant(view.run_at),
        "due_at": instant(job.due_at),
        "created_at": instant(view.created_at),
        "started_at": instant(view.started_at),
        "finished_at": instant(view.finished_at),
        "updated_at": instant(view.updated_at),
        "links": _links(place, job.status, job.call_id),
    }


def _links(place: str, status: Status, call_id: str | None) -> dict[str, str]:
    links = {name: place + end for name, end in LINKS[status]}
    # The latest call on Modal, in Modal's own dashboard.
    return links | {"call": f"{MODAL_DASHBOARD}/{call_id}"} if call_id else links


def _progress_out(view: JobView) -> dict[str, Json] | None:
    progress = view.progress
    return {"percent": progress.percent, "message": progress.message} if progress else None


def _error_out(view: JobView) -> dict[str, Json] | None:
    if view.error_info is None:
        return None
    cause, attempt, error = view.error_info
    return {
        "cause": cause.value,
        "attempt": attempt,
        "type": error.type if error else None,
        "message": error.message if error else None,
        "retryable": error.retryable if error else None,
    }


def event_out(recorded: RecordedEvent) -> dict[str, Any]:
    provenance = recorded.provenance
    return {
        "job_id": recorded.job_id,
        "version": recorded.version,
        "type": type(recorded.event).__name__,
        "schema_version": recorded.schema_version,
        "recorded_at": instant(recorded.recorded_at),
        "actor": {"kind": provenance.actor.kind.value, "id": provenance.actor.id},
        "request_id": provenance.request_id,
        "command_id": provenance.command_id,
        "traceparent": provenance.traceparent,
        "code_version": recorded.code_version,
        "data": _event_data(recorded.event),
        "commitment": recorded.commitment.hex() if recorded.commitment else None,
        "is_erased": recorded.is_erased,
    }


def _event_data(event: JobEvent) -> dict[str, Any]:
    values = {field.name: getattr(event, field.name) for field in fields(event)}
    return {name: _plain(value) for name, value in values.items() if value not in (None, ())}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, JobError):
        return {"type": value.type, "message": value.message, "retryable": value.retryable}
    return list(value) if isinstance(value, tuple) else value


def json_response(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(dumps(content), status, headers=headers, media_type="application/json")


def dumps(content: Any) -> bytes:
    """The fast writer, and the standard one for what it cannot write: integers beyond 64 bits."""
    try:
        return orjson.dumps(content)
    except TypeError:
        return json.dumps(content, separators=(",", ":")).encode()
