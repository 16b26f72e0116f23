"""What a job is, as far as decisions need to know: a fold of its events."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple, assert_never

from domain.events import (
    AttemptDispatched,
    AttemptFailed,
    AttemptLost,
    AttemptReleased,
    AttemptStarted,
    CancellationRequested,
    JobCancelled,
    JobCompleted,
    JobEvent,
    JobFailed,
    JobRequeued,
    JobRetried,
    JobSubmitted,
    LateResultRejected,
    PersonalDataErased,
    ProgressReported,
    RecordedEvent,
)
from domain.identifiers import JobId, MessageId, UserId, WorkerId
from domain.lifecycle import ENDED, WAITING, Status
from domain.lifecycle_checks import check_lifecycle


class Lease(NamedTuple):
    """The delivery that the live attempt holds; a later `read_ct` of the same message is a later lease."""

    worker_id: WorkerId
    msg_id: MessageId
    read_ct: int


class Job(NamedTuple):
    """The state that decisions stand on.

    A NamedTuple, not a dataclass: a fold makes one for each event, and `_replace` costs a third of
    `dataclasses.replace`. `due_at` is when a waiting job may start, None when it does not wait. `attempt`
    numbers every attempt ever started; the two `..._attempts` count what is spent of each budget since the
    last retry by hand.
    """

    id: JobId
    user_id: UserId
    job_type: str
    status: Status
    version: int
    priority: int
    max_attempts: int
    max_lost_attempts: int
    timeout_seconds: int | None
    due_at: datetime | None
    attempt: int = 0
    failed_attempts: int = 0
    lost_attempts: int = 0
    lease: Lease | None = None
    call_id: str | None = None

    @property
    def has_ended(self) -> bool:
        return self.status in ENDED

    @property
    def is_waiting(self) -> bool:
        return self.status in WAITING


def apply(job: Job | None, recorded: RecordedEvent) -> Job:
    """The job after one more event. Total and without guards: rules change, history does not."""
    event = recorded.event
    if job is None:
        if not isinstance(event, JobSubmitted):
            raise TypeError(f"a stream begins with JobSubmitted, not {type(event).__name__}")
        return _submitted(event, recorded)
    return _folded(job, event, recorded.version, recorded.recorded_at)


def _submitted(event: JobSubmitted, recorded: RecordedEvent) -> Job:
    return Job(
        id=recorded.job_id,
        user_id=event.user_id,
        job_type=event.job_type,
        status=Status.SCHEDULED if event.run_at else Status.PENDING,
        version=recorded.version,
        priority=event.priority,
        max_attempts=event.max_attempts,
        max_lost_attempts=event.max_lost_attempts,
        timeout_seconds=event.timeout_seconds,
        due_at=event.run_at or recorded.recorded_at,
    )


# A way for each event, and no more: the checks at the end of this module prove it.
def _folded(job: Job, event: JobEvent, version: int, recorded_at: datetime) -> Job:  # noqa: C901, PLR0911, PLR0912
    match event:
        case AttemptStarted():
            return job._replace(
                status=Status.PROCESSING,
                version=version,
                due_at=None,
                attempt=event.attempt,
                lease=Lease(event.worker_id, event.msg_id, event.read_ct),
            )
        case JobCompleted():
            return _ended(job, Status.COMPLETED, version)
        case JobFailed():
            return _ended(job, Status.FAILED, version)
        case JobCancelled():
            return _ended(job, Status.CANCELLED, version)
        case ProgressReported() | LateResultRejected() | PersonalDataErased():
            return job._replace(version=version)
        case AttemptFailed():
            failed = job.failed_attempts + 1
            return _waiting(job, version, event.retry_at)._replace(failed_attempts=failed)
        case AttemptLost():
            return _waiting(job, version, event.retry_at)._replace(lost_attempts=job.lost_attempts + 1)
        case AttemptReleased():
            return _waiting(job, version, recorded_at)
        case AttemptDispatched():
            return job._replace(version=version, call_id=event.call_id)
        case CancellationRequested():
            return job._replace(version=version, status=Status.CANCELLING)
        case JobRequeued():
            requeued = _waiting(job, version, recorded_at)
            return requeued._replace(status=Status.PENDING, lost_attempts=job.lost_attempts + 1)
        case JobRetried():
            retried = _waiting(job, version, recorded_at)
            return retried._replace(status=Status.PENDING, failed_attempts=0, lost_attempts=0)
        case JobSubmitted():
            raise ValueError(f"job {job.id} was submitted twice, at version {version}")
    assert_never(event)


def _waiting(job: Job, version: int, due_at: datetime) -> Job:
    return job._replace(status=Status.RETRYING, version=version, due_at=due_at, lease=None, call_id=None)


def _ended(job: Job, status: Status, version: int) -> Job:
    return job._replace(status=status, version=version, due_at=None, lease=None)


def replay(events: Iterable[RecordedEvent]) -> Job:
    """The job that these events, the whole stream in order, amount to."""
    job: Job | None = None
    for event in events:
        job = apply(job, event)
    if job is None:
        raise ValueError("an empty stream is no job")
    return job


check_lifecycle(
    frozenset(
        {
            AttemptDispatched,
            AttemptFailed,
            AttemptLost,
            AttemptReleased,
            AttemptStarted,
            CancellationRequested,
            JobCancelled,
            JobCompleted,
            JobFailed,
            JobRequeued,
            JobRetried,
            JobSubmitted,
            LateResultRejected,
            PersonalDataErased,
            ProgressReported,
        }
    )
)
