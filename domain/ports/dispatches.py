"""Jobs on their way to remote compute: from the outbox to a call, and from the call to a claim."""

from datetime import timedelta
from typing import Protocol

from domain.fair_shares import AGING
from domain.identifiers import JobId
from domain.ports.job_queue import Delivery, HeldLease


class Dispatches(Protocol):
    """Messages that were handed to remote compute; nobody else receives them.

    A message's `read_ct` fences: a call is told it, who claims raises it, and nobody claims twice. Every
    method raises StorageUnavailable.
    """

    async def hand_over(
        self,
        *,
        compute: str,
        limit: int,
        max_unclaimed: int,
        claim_seconds: int,
        only: JobId | None = None,
        aging: timedelta = AGING,
    ) -> list[Delivery]:
        """Make messages of up to `limit` due jobs that run remotely, in order and within limits.

        Stops when `max_unclaimed` messages wait for their claim. Each is invisible for `claim_seconds`. With
        `only` it is that job or nothing, however many wait; nothing where something is limited or paused.
        """

    async def hold_lapsed(self, *, limit: int, hold_seconds: int) -> list[Delivery]:
        """Messages whose time is up, claimed or not, kept from other dispatchers for `hold_seconds`.

        Their fences stay as they were.
        """

    async def take(self, told: HeldLease, *, lease_seconds: int) -> Delivery | None:
        """Claim the message that a call was told; None when somebody did before, or it is gone."""

    async def find_unclaimed(self, job_id: JobId) -> HeldLease | None:
        """What a call for the job should have been told; None when nothing of it waits in the queue."""

    async def bring_home(self) -> None:
        """Give lapsed messages to local workers: nobody here serves remote compute any more."""
