"""Job views to rows of `jobs` and back."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

from adapters.postgres import json_text
from adapters.postgres.event_codec import timestamp
from domain.events import Cause, JobError, Progress
from domain.identifiers import JobId, Json, MessageId, UserId, WorkerId
from domain.job import Job, Lease
from domain.lifecycle import Status
from domain.views import ErrorInfo, JobView

PENDING = datetime.max.replace(tzinfo=UTC)
"""Stands for the instant of recording, which only the database knows; written as `infinity`."""


class EncodedView(NamedTuple):
    """The columns of `jobs` that an update writes; times as text."""

    due_at: str | None
    started_at: str | None
    finished_at: str | None
    version: int
    attempt: int
    status: str
    held_unique_key: str | None
    details: str


def instant(at: datetime | None) -> str | None:
    if at is None:
        return None
    return "infinity" if at is PENDING else timestamp(at)


def encode(view: JobView) -> EncodedView:
    job = view.job
    return EncodedView(
        instant(job.due_at),
        instant(view.started_at),
        instant(view.finished_at),
        job.version,
        job.attempt,
        job.status.value,
        view.held_unique_key,
        _details(view),
    )


def _details(view: JobView) -> str:
    job = view.job
    details: dict[str, Any] = {
        "max_attempts": job.max_attempts,
        "max_lost_attempts": job.max_lost_attempts,
    }
    optional = {
        "timeout_seconds": job.timeout_seconds,
        "failed_attempts": job.failed_attempts,
        "lost_attempts": job.lost_attempts,
        "lease": list(job.lease) if job.lease else None,
        "call_id": job.call_id,
        "traceparent": view.traceparent,
    }
    details |= {name: value for name, value in optional.items() if value}
    if view.progress:
        json_text.put(details, "progress", [view.progress.percent, view.progress.message])
    json_text.put(details, "on_behalf_of", view.on_behalf_of)
    json_text.put(details, "unique_key", view.unique_key)
    json_text.put(details, "result", view.result)
    json_text.put(details, "data_references", list(view.data_references) or None)
    if view.error_info:
        cause, attempt, error = view.error_info
        told: Json = [error.type, error.message, error.retryable] if error else None
        json_text.put(details, "error_info", [cause.value, attempt, told])
    parameters: dict[str, Any] = {}
    json_text.put(parameters, "job_parameters", view.job_parameters)
    if "job_parameters_text" in parameters:
        details |= parameters
    return json_text.canonical(details)


def encode_parameters(view: JobView) -> str | None:
    """The `job_parameters` column; None when there are none, or when they are kept as text in `details`."""
    parameters: dict[str, Any] = {}
    json_text.put(parameters, "job_parameters", view.job_parameters)
    return json_text.canonical(parameters["job_parameters"]) if "job_parameters" in parameters else None


def decode(row: dict[str, Any]) -> JobView:
    """The view of a row of `jobs`."""
    details = row["details"]
    lease = details.get("lease")
    progress = json_text.take(details, "progress")
    error_info = json_text.take(details, "error_info")
    job = Job(
        id=JobId(row["id"]),
        user_id=UserId(row["user_id"]),
        job_type=row["job_type"],
        status=Status(row["status"]),
        version=row["version"],
        priority=row["priority"],
        max_attempts=details["max_attempts"],
        max_lost_attempts=details["max_lost_attempts"],
        timeout_seconds=details.get("timeout_seconds"),
        due_at=row["due_at"],
        attempt=row["attempt"],
        failed_attempts=details.get("failed_attempts", 0),
        lost_attempts=details.get("lost_attempts", 0),
        lease=Lease(WorkerId(lease[0]), MessageId(lease[1]), lease[2]) if lease else None,
        call_id=details.get("call_id"),
    )
    parameters = row["job_parameters"]
    return JobView(
        job=job,
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        job_parameters=json_text.take(details, "job_parameters") if parameters is None else parameters,
        tags=tuple(row["tags"]),
        on_behalf_of=_text(json_text.take(details, "on_behalf_of")),
        run_at=row["run_at"],
        unique_key=_text(json_text.take(details, "unique_key")),
        idempotency_key=row["idempotency_key"],
        fingerprint=row["fingerprint"],
        traceparent=details.get("traceparent"),
        progress=_progress(progress),
        result=json_text.take(details, "result"),
        data_references=_texts(json_text.take(details, "data_references")),
        error_info=_error_info(error_info),
    )


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(value) if value else ()


def _progress(value: Any) -> Progress | None:
    return Progress(percent=value[0], message=value[1]) if value else None


def _error_info(value: Any) -> ErrorInfo | None:
    if value is None:
        return None
    cause, attempt, told = value
    error = JobError(type=told[0], message=told[1], retryable=told[2]) if told else None
    return ErrorInfo(Cause(cause), attempt, error)
