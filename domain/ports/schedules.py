"""Where schedules are kept: what they are now, and every event that made them so."""

from datetime import datetime
from typing import NamedTuple, Protocol

from domain.events import Actor, Provenance
from domain.identifiers import Json, UserId
from domain.schedules import Schedule, ScheduleEvent, ScheduleId


class ScheduleRecord(NamedTuple):
    """An event as it was recorded: what it `said`, as JSON, and who did it when."""

    version: int
    type: str
    said: dict[str, Json]
    actor: Actor
    recorded_at: datetime


class Schedules(Protocol):
    """Every method raises StorageUnavailable."""

    async def append(self, after: Schedule, event: ScheduleEvent, provenance: Provenance) -> bool:
        """Record the event and keep the schedule as it is after it, both or neither.

        False when the schedule is no longer at the version before `after.version`; version 1 is new.
        """

    async def get(self, schedule_id: ScheduleId) -> Schedule | None: ...

    async def of_user(self, user_id: UserId) -> list[Schedule]:
        """The user's schedules that were not removed, the oldest first."""

    async def due(self, *, at: datetime, limit: int) -> list[Schedule]:
        """Those whose next occurrence has come, the longest due first."""

    async def advance(self, before: Schedule, after: Schedule) -> bool:
        """Keep `next_at` and `last_job_id` of `after`; False when the schedule is no longer as `before`."""

    async def history(self, schedule_id: ScheduleId) -> list[ScheduleRecord]:
        """The schedule's events in order, the first thousand."""
