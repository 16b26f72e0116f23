"""Where limits are kept: what holds now, and every event that made it so."""

from datetime import datetime
from typing import NamedTuple, Protocol

from domain.events import Actor, Provenance
from domain.identifiers import Json
from domain.limits import Limit, LimitEvent, Scope


class LimitRecord(NamedTuple):
    """An event as it was recorded: what it `said`, as JSON, and who did it when."""

    version: int
    type: str
    said: dict[str, Json]
    actor: Actor
    recorded_at: datetime


class Limits(Protocol):
    """Every method raises StorageUnavailable."""

    async def append(self, after: Limit, event: LimitEvent, provenance: Provenance) -> bool:
        """Record the event and keep the limit as it is after it, both or neither.

        False when the limit is no longer at the version before `after.version`; version 1 is new.
        """

    async def get(self, scope: Scope) -> Limit | None: ...

    async def active(self) -> list[Limit]:
        """Everything that limits or pauses now, by kind, user and name; the first thousand."""

    async def active_records(self) -> dict[Scope, LimitRecord]:
        """The last event of each of those: who made it so, when and why."""

    async def history(self, scope: Scope) -> list[LimitRecord]:
        """The limit's events in order, the first thousand."""
