"""Schedules in memory."""

import json
from datetime import datetime

from adapters.in_memory.audit_trail import InMemoryAuditTrail
from adapters.in_memory.state import InMemoryState
from adapters.postgres import event_codec
from domain.events import Provenance
from domain.identifiers import UserId
from domain.ports.schedules import ScheduleRecord
from domain.schedules import Schedule, ScheduleEvent, ScheduleId


class InMemorySchedules:
    def __init__(self, state: InMemoryState, audit: InMemoryAuditTrail) -> None:
        self._state = state
        self._audit = audit
        self._schedules: dict[ScheduleId, Schedule] = {}
        self._history: dict[ScheduleId, list[ScheduleRecord]] = {}

    async def append(self, after: Schedule, event: ScheduleEvent, provenance: Provenance) -> bool:
        self._state.reach()
        before = self._schedules.get(after.id)
        if after.version != (before.version + 1 if before else 1):
            return False
        self._schedules[after.id] = after
        encoded = event_codec.encode(event, bytes(event_codec.SALT_BYTES))
        said = json.loads(encoded.facts) | json.loads(encoded.payload or "{}")
        record = ScheduleRecord(after.version, encoded.type, said, provenance.actor, self._state.clock.now())
        self._history.setdefault(after.id, []).append(record)
        await self._audit.record(event, provenance)
        return True

    async def get(self, schedule_id: ScheduleId) -> Schedule | None:
        self._state.reach()
        return self._schedules.get(schedule_id)

    async def of_user(self, user_id: UserId) -> list[Schedule]:
        self._state.reach()
        mine = [kept for kept in self._schedules.values() if kept.user_id == user_id and not kept.is_removed]
        return sorted(mine, key=lambda schedule: schedule.id)

    async def due(self, *, at: datetime, limit: int) -> list[Schedule]:
        self._state.reach()
        found = [(kept.next_at, kept.id) for kept in self._schedules.values() if kept.next_at]
        return [self._schedules[key] for next_at, key in sorted(found) if next_at <= at][:limit]

    async def advance(self, before: Schedule, after: Schedule) -> bool:
        self._state.reach()
        kept = self._schedules.get(before.id)
        if kept is None or (kept.version, kept.next_at) != (before.version, before.next_at):
            return False
        self._schedules[before.id] = kept._replace(next_at=after.next_at, last_job_id=after.last_job_id)
        return True

    async def history(self, schedule_id: ScheduleId) -> list[ScheduleRecord]:
        self._state.reach()
        return list(self._history.get(schedule_id, ()))[:1000]
