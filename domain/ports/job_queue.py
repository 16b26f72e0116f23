"""The queue between relay and workers; a message's visibility timeout is its worker's lease."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from domain.claims import Claimer
from domain.identifiers import JobId, MessageId
from domain.views import JobView


class Delivery(NamedTuple):
    """A message handed to this worker until its lease ends.

    `job_id` is None when the message cannot be parsed; `view` is the job as it was when the message was
    read, None when there is no such job.
    """

    msg_id: MessageId
    read_ct: int
    job_id: JobId | None
    view: JobView | None
    body: str

    @property
    def lease(self) -> "HeldLease":
        return HeldLease(self.msg_id, self.read_ct)


class HeldLease(NamedTuple):
    msg_id: MessageId
    read_ct: int


class Claimed(NamedTuple):
    """What a claim found: jobs with a new live attempt, and deliveries for which none was started."""

    started: list[JobView]
    others: list[Delivery]


class Extended(NamedTuple):
    """A lease that was still held and now lasts longer; `is_cancelling` says its job was asked to stop."""

    lease: HeldLease
    is_cancelling: bool


class JobQueue(Protocol):
    """Every method raises StorageUnavailable when the database cannot be reached."""

    async def receive(
        self, *, limit: int, lease_seconds: int, chances_left: int | None = None
    ) -> list[Delivery]:
        """Up to `limit` visible messages, oldest first, invisible to others for `lease_seconds`.

        Those set apart with `chances_left`, or else those that were not set apart.
        """

    async def start_waiting(
        self, *, limit: int, lease_seconds: int, claimer: Claimer, command_id: str
    ) -> Claimed:
        """Receive, and in the same transaction start an attempt for each job that waits, unless isolated.

        What it records is exactly what `claims.start` says, and durable when it returns. A job that somebody
        else is changing at this moment may be among the others although it waits.
        """

    async def set_apart(self, leases: Mapping[HeldLease, int]) -> None:
        """Give messages back, each for those who receive jobs with so many chances left."""

    async def isolated_waiting(self) -> int | None:
        """The chances left to the job that waits longest of those set apart; None when none waits."""

    async def extend(self, leases: Sequence[HeldLease], *, lease_seconds: int) -> list[Extended]:
        """Lengthen the leases in one statement; one that is not returned is lost."""

    async def delete(self, leases: Sequence[HeldLease]) -> None:
        """Delete messages that stand for nothing any more; one whose lease passed to somebody else stays."""

    async def park(self, delivery: Delivery, *, error: str) -> None:
        """Take a message that can never be worked out of the way, kept with its error."""
