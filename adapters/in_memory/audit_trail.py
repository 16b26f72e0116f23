"""The audit trail in memory."""

from itertools import count

from adapters.in_memory.state import InMemoryState, StoredAuditEvent
from domain.audit import AuditEvent
from domain.events import Provenance
from domain.identifiers import JobId


class InMemoryAuditTrail:
    def __init__(self, state: InMemoryState) -> None:
        self.recorded: list[tuple[AuditEvent, Provenance]] = []
        self._once: set[JobId] = set()
        self._state = state
        self._numbers = count(1)

    async def record(
        self, event: AuditEvent, provenance: Provenance, *, once_as: JobId | None = None
    ) -> None:
        if once_as in self._once:
            return
        if once_as:
            self._once.add(once_as)
        stream_id = once_as or JobId(f"00000000-0000-7000-8000-{next(self._numbers):012x}")
        self.recorded.append((event, provenance))
        self._state.audit_events.append(
            StoredAuditEvent(stream_id, event, provenance, self._state.clock.now())
        )
