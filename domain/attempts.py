"""One try at a job: what a worker holds while it runs, and how it can end."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from domain.events import Cause, JobError, Progress
from domain.identifiers import JobId, Json
from domain.job import Lease
from domain.views import JobView


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    result: Json = None
    data_references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The function raised, or ran out of time; no other try is made before `retry_after_seconds`."""

    cause: Cause
    error: JobError
    retry_after_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Stopped:
    """It was asked to stop, and did; or did not, and was abandoned after the grace period."""


@dataclass(frozen=True, slots=True)
class Released:
    """The worker is leaving and gives the job back unfinished."""


@dataclass(frozen=True, slots=True)
class AlreadySettled:
    """The function completed the job itself, inside its own transaction."""

    after: JobView


@dataclass(frozen=True, slots=True)
class GivenUp:
    """The lease was lost while it ran: somebody else owns the job now, and nothing is written."""


Outcome = Completed | Failed | Stopped | Released | AlreadySettled | GivenUp


class StopReason(StrEnum):
    """Why a running function is stopped from outside."""

    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    LEASE_LOST = "lease_lost"
    LEAVING = "leaving"


@dataclass(slots=True, eq=False)
class Attempt:
    """A claimed job while it runs.

    `view` is the job as this attempt last knew it: what the next change is decided on. It may be another
    attempt's by then, so `number` is kept apart. `stopped_for` is the first reason it was stopped for;
    `on_stop` tells whoever runs the function. While `is_settling`, its outcome is on its way to the store,
    and its message may be gone for no other reason.
    """

    view: JobView
    lease: Lease
    progress: Progress | None = None
    stopped_for: StopReason | None = None
    on_stop: Callable[[], None] | None = field(default=None, repr=False)
    is_settling: bool = False
    number: int = field(init=False)

    def __post_init__(self) -> None:
        self.number = self.view.job.attempt

    @property
    def job_id(self) -> JobId:
        return self.view.job.id

    def end(self) -> None:
        """Its function is over: nothing is left to stop, and a lease lost from now on is for the fence."""
        self.on_stop = None
        self.is_settling = True

    def stop(self, reason: StopReason) -> None:
        """Ask the function to stop; only the first reason counts."""
        if self.stopped_for is None:
            self.stopped_for = reason
            if self.on_stop:
                self.on_stop()


def outcome_of_stop(reason: StopReason, *, timeout_seconds: int) -> Outcome:
    """How an attempt ends that was stopped from outside."""
    match reason:
        case StopReason.CANCELLED:
            return Stopped()
        case StopReason.LEASE_LOST:
            return GivenUp()
        case StopReason.LEAVING:
            return Released()
        case StopReason.TIMED_OUT:
            error = JobError(
                type="TimeoutError", message=f"The attempt took longer than {timeout_seconds} s."
            )
            return Failed(cause=Cause.TIMED_OUT, error=error)
