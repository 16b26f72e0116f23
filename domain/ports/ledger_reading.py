"""The sealed history, for auditors: events by position, and what proves them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from domain.identifiers import JobId, UserId
from domain.ledger.lines import SealedEvent
from domain.ledger.merkle import Tile
from domain.ledger.notes import LogKey


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Which events; None asks for all. Times are of recording, `since` included and `until` not.

    `user_id` asks for the events of the jobs that the user submitted, `actor_id` for what somebody did.
    """

    job_id: JobId | None = None
    user_id: UserId | None = None
    actor_id: str | None = None
    type: str | None = None
    since: datetime | None = None
    until: datetime | None = None


EVERYTHING = EventFilter()


class Head(NamedTuple):
    """The last checkpoint, a signed note; the first leaf of its tree is the event at `first_position`.

    A database that was taken back behind what had been signed begins a new tree, with a new origin; `tree`
    numbers them.
    """

    note: str
    tree: int = 1
    first_position: int = 1


class LedgerReading(Protocol):
    """Every method raises StorageUnavailable."""

    async def last_position(self) -> int:
        """The position of the last sealed event, which may be ahead of the last checkpoint; 0 at first."""

    async def read(
        self, which: EventFilter, *, after: int, through: int | None = None, limit: int
    ) -> list[SealedEvent]:
        """The first matching events above `after`, and not above `through`, in order of position."""

    async def head(self, tree: int | None = None) -> Head | None:
        """The last checkpoint of the tree, None for the newest; None when it has no checkpoint."""

    async def keys(self) -> list[LogKey]:
        """The public keys that checkpoints were ever signed with, the newest first."""

    async def checkpoints(self, tree: int, *, above: int, through: int, limit: int) -> list[str]:
        """The tree's signed checkpoints of sizes above `above` and up to `through`, the smallest first."""

    async def tiles(self, tree: int, tiles: Collection[Tile]) -> dict[Tile, bytes]:
        """The tiles' hashes; one that the ledger does not hold is left out.

        A tile may be asked for at a smaller width than it has by now.
        """
