"""One try at a job: what a worker holds while it runs, and how it can end."""

from collections.abc import Callable
from dataclasses import dataclass, field

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
    """The function raised, or ran out of time."""

    cause: Cause
    error: JobError


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


@dataclass(slots=True, eq=False)
class Attempt:
    """A claimed job while it runs.

    `view` is the job as this attempt last knew it: what the next change is decided on. `ask_to_stop` and
    `give_up` may be called from the loop that keeps the lease; whoever runs the function is told through
    `on_stop`.
    """

    view: JobView
    lease: Lease
    progress: Progress | None = None
    is_cancelled: bool = False
    is_given_up: bool = False
    on_stop: Callable[[], None] | None = field(default=None, repr=False)

    @property
    def job_id(self) -> JobId:
        return self.view.job.id

    @property
    def number(self) -> int:
        return self.view.job.attempt

    def ask_to_stop(self) -> None:
        """Somebody cancelled the job."""
        if not self.is_cancelled:
            self.is_cancelled = True
            self._stop()

    def give_up(self) -> None:
        """The lease is lost, or the worker leaves: what the function does from now on is not kept."""
        if not self.is_given_up:
            self.is_given_up = True
            self._stop()

    def _stop(self) -> None:
        if self.on_stop:
            self.on_stop()
