"""From the outbox to the queue."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from domain.fair_shares import AGING, FAIR_DEPTH
from domain.identifiers import JobId


class RelayedEntry(NamedTuple):
    """An entry that was moved, and since when it was due."""

    job_id: JobId
    due_at: datetime


class RelayReport(NamedTuple):
    """What one relay step did: entries moved, and when the next one is due (None: none waits).

    `is_held_back` says that the queue was full, so that due entries may be left, `is_limited` that due
    entries are left because something is limited or paused. `entries` are those that were moved, where the
    caller asked for them.
    """

    moved: int
    next_due_at: datetime | None
    is_held_back: bool = False
    entries: Sequence[RelayedEntry] = ()
    is_limited: bool = False


class Outbox(Protocol):
    async def relay(
        self,
        *,
        limit: int,
        max_visible: int,
        names_entries: bool = False,
        max_visible_fairly: int = FAIR_DEPTH,
        aging: timedelta = AGING,
    ) -> RelayReport:
        """Move up to `limit` due entries into the queue, exactly once each.

        The priority whose oldest entry has waited longest goes first, each step of priority counting as
        `aging` more. Where something is limited or paused, `fair_shares.choose` says what goes, nothing past
        a limit however many relays there are, and the queue is kept to `max_visible_fairly`.

        Stops at `max_visible` messages that are visible already; relays side by side may together exceed
        that by their number less one times `limit`.
        """
