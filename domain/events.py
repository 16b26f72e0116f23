"""What can happen to a job, each as a fact in the past tense, and the envelope it is recorded in.

A field made with `personal()` may hold personal data: it is stored in the event's payload beside a salt,
covered by a commitment, and reads as its default once it was erased. Every other field is a fact that
stays readable for ever.

A changed field means a new `SCHEMA_VERSION` and an upcaster; stored events never change.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, NamedTuple

from domain.identifiers import JobId, Json, MessageId, UserId, WorkerId

PERSONAL = "personal"


def personal(default: Any = None) -> Any:
    """A field that lies in the payload and can be erased; `default` is what remains of it then."""
    return field(default=default, metadata={PERSONAL: True})


class Cause(StrEnum):
    """Why an attempt or a job ended without completing."""

    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CRASHED = "crashed"
    PREEMPTED = "preempted"
    LEASE_LAPSED = "lease_lapsed"
    STUCK = "stuck"
    DEPLOYED = "deployed"
    ORPHANED = "orphaned"
    ABANDONED = "abandoned"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobError:
    """What went wrong in a handler, bounded in size; `type` is the exception's class name."""

    type: str
    message: str
    retryable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far an attempt has come: whole percent, and a line for people."""

    percent: int | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSubmitted:
    SCHEMA_VERSION: ClassVar[int] = 2
    user_id: UserId
    job_type: str
    priority: int
    run_at: datetime | None
    max_attempts: int
    max_lost_attempts: int
    timeout_seconds: int | None
    job_parameters: Json = personal()
    tags: tuple[str, ...] = personal(())
    on_behalf_of: str | None = personal()
    unique_key: str | None = personal()
    idempotency_key: str | None = personal()
    fingerprint: str | None = personal()
    group_key: str | None = personal()


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptDispatched:
    """The attempt was handed to remote compute under the compute's own `call_id`."""

    SCHEMA_VERSION: ClassVar[int] = 1
    compute: str
    call_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptStarted:
    """A worker claimed the job; `msg_id` and `read_ct` name the delivery that is its lease."""

    SCHEMA_VERSION: ClassVar[int] = 1
    attempt: int
    worker_id: WorkerId
    msg_id: MessageId
    read_ct: int
    compute: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressReported:
    SCHEMA_VERSION: ClassVar[int] = 1
    attempt: int
    percent: int | None
    message: str | None = personal()


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCompleted:
    SCHEMA_VERSION: ClassVar[int] = 1
    attempt: int
    result: Json = personal()
    data_references: tuple[str, ...] = personal(())


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFailed:
    """Spends one of `max_attempts`; the job waits until `retry_at`."""

    SCHEMA_VERSION: ClassVar[int] = 1
    attempt: int
    cause: Cause
    retry_at: datetime
    error: JobError | None = personal()


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptLost:
    """Spends one of `max_lost_attempts`: the attempt ended without a word from its worker."""

    SCHEMA_VERSION: ClassVar[int] = 1
    attempt: int
    cause: Cause
    retry_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptReleased:
    """The worker gave the job back, as at a deploy; it is due at once and no budget is spent."""

    SCHEMA_VERSION: ClassVar[int] = 1
    attempt: int
    cause: Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFailed:
    """The job ended; `attempt` is the one that ended it, 0 when none ever started."""

    SCHEMA_VERSION: ClassVar[int] = 1
    attempt: int
    cause: Cause
    error: JobError | None = personal()


@dataclass(frozen=True, slots=True, kw_only=True)
class CancellationRequested:
    SCHEMA_VERSION: ClassVar[int] = 1
    reason: str | None = personal()
    on_behalf_of: str | None = personal()


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCancelled:
    """The job ended by request; `attempt` is the one that was stopped, 0 when none ever started."""

    SCHEMA_VERSION: ClassVar[int] = 1
    attempt: int
    reason: str | None = personal()
    on_behalf_of: str | None = personal()


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRequeued:
    """Recovery gave a lost job back to the queue; spends one of `max_lost_attempts`."""

    SCHEMA_VERSION: ClassVar[int] = 1
    cause: Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRetried:
    """Somebody asked for another try of an ended job: both budgets start afresh."""

    SCHEMA_VERSION: ClassVar[int] = 1
    reason: str | None = personal()
    on_behalf_of: str | None = personal()


@dataclass(frozen=True, slots=True, kw_only=True)
class LateResultRejected:
    """An attempt that was given up reported an outcome; `digest` is the SHA-256 of what it reported."""

    SCHEMA_VERSION: ClassVar[int] = 1
    attempt: int
    outcome: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalDataErased:
    """The payloads of every earlier event of the job are gone; `through_version` is the last of them."""

    SCHEMA_VERSION: ClassVar[int] = 1
    through_version: int
    basis: str | None = personal()


JobEvent = (
    JobSubmitted
    | AttemptDispatched
    | AttemptStarted
    | ProgressReported
    | JobCompleted
    | AttemptFailed
    | AttemptLost
    | AttemptReleased
    | JobFailed
    | CancellationRequested
    | JobCancelled
    | JobRequeued
    | JobRetried
    | LateResultRejected
    | PersonalDataErased
)

EVENT_TYPES: dict[str, type[JobEvent]] = {kind.__name__: kind for kind in JobEvent.__args__}


class ActorKind(StrEnum):
    USER = "user"
    OPERATOR = "operator"
    AUDITOR = "auditor"
    WORKER = "worker"
    RECOVERY = "recovery"
    SYSTEM = "system"
    ANONYMOUS = "anonymous"


class Actor(NamedTuple):
    """Who acted; `id` is a pseudonym (a token's `sub`, a worker's id), never a name."""

    kind: ActorKind
    id: str


class Provenance(NamedTuple):
    """By whom, on which request, as part of which command and trace something was done."""

    actor: Actor
    command_id: str
    request_id: str | None = None
    traceparent: str | None = None


class RecordedEvent(NamedTuple):
    """An event as it stands in its job's stream.

    `recorded_at` is the store's clock and never less than its predecessor's. `commitment` is
    SHA-256(salt ‖ payload), None for an event without payload; `is_erased` says that the payload is gone.
    """

    job_id: JobId
    version: int
    event: JobEvent
    provenance: Provenance
    recorded_at: datetime
    schema_version: int = 1
    code_version: str = ""
    commitment: bytes | None = None
    is_erased: bool = False
