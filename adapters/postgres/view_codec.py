"""Job views to rows of `jobs` and back."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from adapters.postgres import json_text
from adapters.postgres.arrays import text_array
from domain.events import Cause, JobError, Progress
from domain.job import Job, Lease
from domain.lifecycle import Status
from domain.views import ErrorInfo, JobView

PENDING = datetime.max.replace(tzinfo=UTC)
"""Stands for the instant of recording, which only the database knows; written as `infinity`."""


STATUSES = {status.value: status for status in Status}
RARE = frozenset({Status.SCHEDULED, Status.RETRYING, Status.CANCELLING, Status.FAILED, Status.CANCELLED})
"""Not on the way of a job that waits its turn, runs and completes: `is_rare`, which partial indexes go by."""
BUDGETS = {"max_attempts", "max_lost_attempts"}
"""The details that every job has, and most have no others."""


NO_LEASE = (None, None, None)


class EncodedView(NamedTuple):
    """The columns of `jobs` that an update writes; times as text."""

    due_at: str | None
    started_at: str | None
    finished_at: str | None
    version: int
    attempt: int
    status: str
    held_unique_key: str | None
    progress: str | None
    outcome: str | None
    error_info: str | None
    details: str


COLUMNS = (
    "id", "created_at", "run_at", "priority", "user_id", "job_type", "idempotency_key", "fingerprint", "tags",
    "traceparent", "job_parameters", "updated_at", *EncodedView._fields, "lease_worker_id", "lease_msg_id",
    "lease_read_ct", "is_rare",
)  # fmt: skip


def instant(at: datetime | None) -> str | None:
    """As PostgreSQL reads it."""
    if at is None:
        return None
    return "infinity" if at is PENDING else at.isoformat()


def encode(view: JobView, *, parameters: str | None = None) -> EncodedView:
    """The columns. `parameters` is the text of the job's, where somebody has it already."""
    job = view.job
    return EncodedView(
        instant(job.due_at),
        instant(view.started_at),
        instant(view.finished_at),
        job.version,
        job.attempt,
        job.status.value,
        view.held_unique_key,
        _progress_text(view.progress) if view.progress else None,
        _outcome_text(view),
        _error_text(view.error_info) if view.error_info else None,
        _details(view, parameters),
    )


def _progress_text(progress: Progress) -> str:
    told: dict[str, Any] = {"percent": progress.percent}
    json_text.put(told, "message", progress.message)
    return json_text.canonical(told)


def _outcome_text(view: JobView) -> str | None:
    """As the payload of the JobCompleted says it, so that completing a job need not say it twice."""
    told: dict[str, Any] = {}
    json_text.put(told, "result", view.result)
    if view.data_references:
        json_text.put(told, "data_references", list(view.data_references))
    return json_text.canonical(told) if told else None


def _error_text(info: ErrorInfo) -> str:
    cause, attempt, error = info
    told: dict[str, Any] = {"cause": cause.value, "attempt": attempt}
    json_text.put(told, "error", [error.type, error.message, error.retryable] if error else None)
    return json_text.canonical(told)


def _details(view: JobView, parameters: str | None) -> str:
    job = view.job
    fits = parameters is not None or json_text.fits(view.job_parameters)
    budgets = (
        job.max_attempts,
        job.max_lost_attempts,
        job.timeout_seconds,
        job.failed_attempts,
        job.lost_attempts,
    )
    if fits and job.call_id is None and view.on_behalf_of is view.unique_key is view.group_key is None:
        return _budgets_text(*budgets)
    details = _budgets(*budgets)
    if job.call_id:
        details["call_id"] = job.call_id
    json_text.put(details, "on_behalf_of", view.on_behalf_of)
    json_text.put(details, "unique_key", view.unique_key)
    json_text.put(details, "group_key", view.group_key)
    # Beside the parameters' column, for those that are no JSON of the stored kind.
    if not fits:
        json_text.put(details, "job_parameters", view.job_parameters)
    return json_text.canonical(details)


# Most jobs have no other details, and budgets are few.
@lru_cache(1024)
def _budgets_text(*budgets: int | None) -> str:
    return json_text.canonical(_budgets(*budgets))


def _budgets(
    max_attempts: int | None,
    max_lost_attempts: int | None,
    timeout_seconds: int | None,
    failed_attempts: int | None,
    lost_attempts: int | None,
) -> dict[str, Any]:
    told: dict[str, Any] = {"max_attempts": max_attempts, "max_lost_attempts": max_lost_attempts}
    if timeout_seconds:
        told["timeout_seconds"] = timeout_seconds
    if failed_attempts:
        told["failed_attempts"] = failed_attempts
    if lost_attempts:
        told["lost_attempts"] = lost_attempts
    return told


def encode_row(view: JobView) -> tuple[object, ...]:
    """The whole row, as `COLUMNS` has it."""
    # The column has no parameters when there are none, or when they are kept as text in `details`.
    parameters = json_text.canonical_or_none(view.job_parameters)
    job, lease, encoded = view.job, view.job.lease, encode(view, parameters=parameters)
    return (
        job.id,
        instant(view.created_at),
        instant(view.run_at),
        job.priority,
        job.user_id,
        job.job_type,
        view.idempotency_key,
        view.fingerprint,
        text_array(view.tags),
        view.traceparent,
        parameters,
        instant(view.updated_at),
        *encoded,
        *(lease or NO_LEASE),
        True if job.status in RARE else None,
    )


def decode(row: dict[str, Any]) -> JobView:
    """The view of a row of `jobs`."""
    details = row["details"]
    msg_id = row["lease_msg_id"]
    parameters = row["job_parameters"]
    view = JobView(
        job=Job(
            id=row["id"],
            user_id=row["user_id"],
            job_type=row["job_type"],
            status=STATUSES[row["status"]],
            version=row["version"],
            priority=row["priority"],
            max_attempts=details["max_attempts"],
            max_lost_attempts=details["max_lost_attempts"],
            due_at=row["due_at"],
            attempt=row["attempt"],
            lease=None if msg_id is None else Lease(row["lease_worker_id"], msg_id, row["lease_read_ct"]),
            timeout_seconds=details.get("timeout_seconds"),
            failed_attempts=details.get("failed_attempts", 0),
            lost_attempts=details.get("lost_attempts", 0),
            call_id=details.get("call_id"),
        ),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        job_parameters=json_text.take(details, "job_parameters") if parameters is None else parameters,
        tags=tuple(row["tags"]),
        run_at=row["run_at"],
        idempotency_key=row["idempotency_key"],
        fingerprint=row["fingerprint"],
        traceparent=row["traceparent"],
        progress=_progress(row["progress"]),
    )
    if row["outcome"] is not None or row["error_info"] is not None:
        view = with_outcome(view, row["outcome"] or {}, row["error_info"])
    return view if details.keys() <= BUDGETS else with_details(view, details)


def with_outcome(view: JobView, outcome: dict[str, Any], error_info: dict[str, Any] | None) -> JobView:
    return view._replace(
        result=json_text.take(outcome, "result"),
        data_references=_texts(json_text.take(outcome, "data_references")),
        error_info=_error_info(error_info),
    )


def with_details(view: JobView, details: dict[str, Any]) -> JobView:
    return view._replace(
        on_behalf_of=_text(json_text.take(details, "on_behalf_of")),
        unique_key=_text(json_text.take(details, "unique_key")),
        group_key=_text(json_text.take(details, "group_key")),
    )


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(value) if value else ()


def _progress(value: Any) -> Progress | None:
    if value is None:
        return None
    return Progress(percent=value["percent"], message=_text(json_text.take(value, "message")))


def _error_info(value: Any) -> ErrorInfo | None:
    if value is None:
        return None
    told: Any = json_text.take(value, "error")
    error = JobError(type=told[0], message=told[1], retryable=told[2]) if told else None
    return ErrorInfo(Cause(value["cause"]), value["attempt"], error)
