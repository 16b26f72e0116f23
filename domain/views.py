"""The read model: what clients see of a job, and the one function that makes it of events."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from domain.events import (
    AttemptFailed,
    AttemptLost,
    AttemptStarted,
    Cause,
    JobCancelled,
    JobCompleted,
    JobError,
    JobEvent,
    JobFailed,
    JobRetried,
    JobSubmitted,
    PersonalDataErased,
    Progress,
    ProgressReported,
    RecordedEvent,
)
from domain.identifiers import JobId, Json
from domain.job import Job, apply


class ErrorInfo(NamedTuple):
    """Why the latest attempt, or the job, ended without completing."""

    cause: Cause
    attempt: int
    error: JobError | None


class JobView(NamedTuple):
    """A job as clients see it; `job` is the part that decisions stand on.

    `held_unique_key` is the unique key while the job is live, None after it ended.
    """

    job: Job
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    job_parameters: Json = None
    tags: tuple[str, ...] = ()
    on_behalf_of: str | None = None
    group_key: str | None = None
    run_at: datetime | None = None
    unique_key: str | None = None
    idempotency_key: str | None = None
    fingerprint: str | None = None
    traceparent: str | None = None
    progress: Progress | None = None
    result: Json = None
    data_references: tuple[str, ...] = ()
    error_info: ErrorInfo | None = None

    @property
    def held_unique_key(self) -> str | None:
        return None if self.job.has_ended else self.unique_key


def project(view: JobView | None, recorded: RecordedEvent) -> JobView:  # noqa: C901, PLR0911 - a way for each event
    """The view after one more event: a pure fold, total like `apply`, defined for erased events too."""
    job = apply(view.job if view else None, recorded)
    event = recorded.event
    if view is None:
        return _submitted(job, event, recorded)
    at = recorded.recorded_at
    match event:
        case AttemptStarted():
            return view._replace(job=job, updated_at=at, started_at=at, progress=None)
        case JobCompleted():
            return view._replace(
                job=job,
                updated_at=at,
                finished_at=at,
                result=event.result,
                data_references=event.data_references,
                error_info=None,
            )
        case ProgressReported():
            progress = Progress(percent=event.percent, message=event.message)
            return view._replace(job=job, updated_at=at, progress=progress)
        case AttemptFailed():
            failure = ErrorInfo(event.cause, event.attempt, event.error)
            return view._replace(job=job, updated_at=at, error_info=failure)
        case AttemptLost():
            return view._replace(
                job=job, updated_at=at, error_info=ErrorInfo(event.cause, event.attempt, None)
            )
        case JobFailed():
            failure = ErrorInfo(event.cause, event.attempt, event.error)
            return view._replace(job=job, updated_at=at, finished_at=at, error_info=failure)
        case JobRetried():
            return view._replace(job=job, updated_at=at, finished_at=None, progress=None)
        case JobCancelled():
            return view._replace(job=job, updated_at=at, finished_at=at)
        case PersonalDataErased():
            return _erased(view)._replace(job=job, updated_at=at)
    # A late result is recorded on ended jobs too, and must not move the time at which they ended.
    return view._replace(job=job, updated_at=at)


def _submitted(job: Job, event: JobEvent, recorded: RecordedEvent) -> JobView:
    if not isinstance(event, JobSubmitted):
        raise TypeError(f"a stream begins with JobSubmitted, not {type(event).__name__}")
    return JobView(
        job=job,
        created_at=recorded.recorded_at,
        updated_at=recorded.recorded_at,
        job_parameters=event.job_parameters,
        tags=event.tags,
        on_behalf_of=event.on_behalf_of,
        group_key=event.group_key,
        run_at=event.run_at,
        unique_key=event.unique_key,
        idempotency_key=event.idempotency_key,
        fingerprint=event.fingerprint,
        traceparent=recorded.provenance.traceparent,
    )


def _erased(view: JobView) -> JobView:
    failure = view.error_info
    return view._replace(
        job_parameters=None,
        tags=(),
        on_behalf_of=None,
        group_key=None,
        unique_key=None,
        idempotency_key=None,
        fingerprint=None,
        progress=view.progress and Progress(percent=view.progress.percent),
        result=None,
        data_references=(),
        error_info=failure and ErrorInfo(failure.cause, failure.attempt, None),
    )


def fold(events: Iterable[RecordedEvent]) -> JobView | None:
    """The view that a whole stream amounts to; None for an empty one."""
    view: JobView | None = None
    for event in events:
        view = project(view, event)
    return view


class QueueEntry(NamedTuple):
    """What must reach the queue once it is due; delays, backoffs and priorities are decided before that."""

    job_id: JobId
    available_at: datetime
    priority: int


def queue_entry(before: JobView | None, after: JobView) -> QueueEntry | None:
    """The entry that becomes due by a change: whenever a job begins to wait, or waits anew."""
    job = after.job
    if not job.is_waiting or job.due_at is None:
        return None
    if before and before.job.is_waiting and before.job.due_at == job.due_at:
        return None
    return QueueEntry(job.id, job.due_at, job.priority)
