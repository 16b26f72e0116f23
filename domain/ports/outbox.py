"""From the outbox to the queue."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from domain.identifiers import JobId


class RelayedEntry(NamedTuple):
    """An entry that was moved, and since when it was due."""

    job_id: JobId
    due_at: datetime


class RelayReport(NamedTuple):
    """What one relay step did: entries moved, and when the next one is due (None: none waits).

    `is_held_back` says that the queue was full, so that due entries may be left. `entries` are those that
    were moved, where the caller asked for them.
    """

    moved: int
    next_due_at: datetime | None
    is_held_back: bool = False
    entries: Sequence[RelayedEntry] = ()


class Outbox(Protocol):
    async def relay(self, *, limit: int, max_visible: int, names_entries: bool = False) -> RelayReport:
        """Move up to `limit` due entries into the queue, highest priority first, exactly once each.

        Stops at `max_visible` messages that are visible already; relays side by side may together exceed
        that by their number less one times `limit`.
        """
