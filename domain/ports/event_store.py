"""The port through which every change of a job goes."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import NamedTuple, Protocol

from domain.events import JobEvent, Provenance, RecordedEvent
from domain.identifiers import JobId, MessageId, UserId
from domain.job import Job
from domain.job_types import OutcomeTransaction
from domain.views import JobView, project


class Change(NamedTuple):
    """One event for one job, decided on `before` (None for a submission).

    Recording it also writes the read model and, where the job begins to wait, an outbox entry; a job that
    stops waiting loses the one it had. `settles` is a message to delete in the same transaction.
    """

    job_id: JobId
    before: JobView | None
    event: JobEvent
    provenance: Provenance
    settles: MessageId | None = None


class Appended(NamedTuple):
    """The change is durable, and was recorded at that time by the store's clock."""

    change: Change
    recorded_at: datetime

    @property
    def after(self) -> JobView:
        """The view that the change made."""
        job_id, before, event, provenance, _ = self.change
        version = before.job.version + 1 if before else 1
        return project(before, RecordedEvent(job_id, version, event, provenance, self.recorded_at))


class Stale(NamedTuple):
    """The job moved on since `before`: nothing was written; load it and decide again."""

    job_id: JobId


class KeyTaken(NamedTuple):
    """The idempotency key or unique key that the job needs belongs to `holder`: nothing was written."""

    holder: JobView


AppendOutcome = Appended | Stale | KeyTaken


class EventStore(Protocol):
    """Streams of events, one a job.

    Every method raises StorageUnavailable when the database cannot be reached.
    """

    async def append(self, changes: Sequence[Change]) -> list[AppendOutcome]:
        """Record each change whose job is still as it was decided on; outcomes in the changes' order.

        A change that lost costs itself, never its batch. A job may stand in a call only once.
        """

    async def append_all(self, changes: Sequence[Change]) -> list[AppendOutcome]:
        """Record all of these submissions, or none of them unless every outcome is Appended.

        A KeyTaken may name a holder that is one of these submissions itself. Raises ValueError for a change
        that is no submission.
        """

    async def key_holder(self, *, user_id: UserId, idempotency_key: str) -> JobView | None:
        """The job that the key submitted, None when it submitted none."""

    def deciding(
        self,
        job_id: JobId,
        *,
        provenance: Provenance,
        settles: MessageId | None,
        decide: Callable[[Job, OutcomeTransaction], JobEvent],
    ) -> AbstractAsyncContextManager[OutcomeTransaction]:
        """A transaction of the store's that ends with an event: both are committed, or neither.

        At the block's end the job is locked, `decide` is asked what follows for it, and that is appended
        and `settles` deleted in the same transaction. Rolls back when the block or `decide` raises, and
        lets the exception through. `after` of what it yields is then the job's view.
        """

    async def read_stream(
        self, job_id: JobId, *, after_version: int = 0, limit: int = 1000
    ) -> list[RecordedEvent]:
        """The job's events above `after_version` in order; empty when there are none."""
