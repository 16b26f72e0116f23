"""From the outbox to the queue."""

from datetime import datetime
from typing import NamedTuple, Protocol


class RelayReport(NamedTuple):
    """What one relay step did: entries moved, and when the next one is due (None: none waits).

    `is_held_back` says that the queue was full, so that due entries may be left.
    """

    moved: int
    next_due_at: datetime | None
    is_held_back: bool = False


class Outbox(Protocol):
    async def relay(self, *, limit: int, max_visible: int) -> RelayReport:
        """Move up to `limit` due entries into the queue, highest priority first, exactly once each.

        Stops at `max_visible` messages that are visible already; relays side by side may together exceed
        that by their number less one times `limit`.
        """
