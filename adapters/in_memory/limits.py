"""Limits in memory."""

import json

from adapters.in_memory.audit_trail import InMemoryAuditTrail
from adapters.in_memory.state import InMemoryState
from adapters.postgres import event_codec
from domain.events import Provenance
from domain.limits import Limit, LimitEvent, Scope
from domain.ports.limits import LimitRecord


class InMemoryLimits:
    def __init__(self, state: InMemoryState, audit: InMemoryAuditTrail) -> None:
        self._state = state
        self._audit = audit
        self._history: dict[Scope, list[LimitRecord]] = {}

    async def append(self, after: Limit, event: LimitEvent, provenance: Provenance) -> bool:
        self._state.reach()
        before = self._state.limits.get(after.scope)
        if after.version != (before.version + 1 if before else 1):
            return False
        self._state.limits[after.scope] = after
        encoded = event_codec.encode(event, bytes(event_codec.SALT_BYTES))
        said = json.loads(encoded.facts) | json.loads(encoded.payload or "{}")
        record = LimitRecord(after.version, encoded.type, said, provenance.actor, self._state.clock.now())
        self._history.setdefault(after.scope, []).append(record)
        await self._audit.record(event, provenance)
        return True

    async def get(self, scope: Scope) -> Limit | None:
        self._state.reach()
        return self._state.limits.get(scope)

    async def active(self) -> list[Limit]:
        self._state.reach()
        return sorted(limit for limit in self._state.limits.values() if limit.is_active)[:1000]

    async def active_records(self) -> dict[Scope, LimitRecord]:
        return {limit.scope: self._history[limit.scope][-1] for limit in await self.active()}

    async def history(self, scope: Scope) -> list[LimitRecord]:
        self._state.reach()
        return list(self._history.get(scope, ()))[:1000]
