"""Counting what happens, apart from the work itself."""

from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from domain.audit import RecoverySwept
from domain.events import Actor
from domain.identifiers import UserId
from domain.job_statistics import MINUTE, Count, Rate


class QueueDepth(NamedTuple):
    """What is on its way to workers now.

    `visible` messages wait for a worker, `leased` ones are with one. `oldest_due_at` is when the entry that
    waits longest in the outbox became due, None when none is due.
    """

    visible: int
    leased: int
    oldest_due_at: datetime | None


class RecordedSweep(NamedTuple):
    """A recovery sweep as it was recorded: when, by whom, and what it did."""

    swept_at: datetime
    actor: Actor
    sweep: RecoverySwept


class JobStatistics(Protocol):
    """A projection of all events that lags behind them by about a second.

    Every method raises StorageUnavailable. `user_id` may be `EVERYBODY`.
    """

    async def advance(self, *, limit: int) -> int:
        """Count about `limit` events that were not counted yet, each exactly once; how many there were.

        0 also while somebody else is counting.
        """

    async def counts(self, *, user_id: UserId) -> list[Count]:
        """How many jobs are in each status, by job type; what is at 0 is left out."""

    async def rates(self, *, user_id: UserId, since: datetime, step: timedelta = MINUTE) -> list[Rate]:
        """What happened in each step (whole minutes) from the minute `since` on, at most a week back."""

    async def queue_depth(self) -> QueueDepth:
        """How full the queue is; it is kept shallow, so looking costs little."""

    async def sweeps(self, *, limit: int) -> list[RecordedSweep]:
        """The last recovery sweeps, newest first."""

    async def start_over(self) -> None:
        """Forget everything that was counted, so that `advance` counts all events again."""
