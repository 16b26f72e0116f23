"""The audit trail in memory."""

from domain.audit import AuditEvent
from domain.events import Provenance
from domain.identifiers import JobId


class InMemoryAuditTrail:
    def __init__(self) -> None:
        self.recorded: list[tuple[AuditEvent, Provenance]] = []
        self._once: set[JobId] = set()

    async def record(
        self, event: AuditEvent, provenance: Provenance, *, once_as: JobId | None = None
    ) -> None:
        if once_as in self._once:
            return
        if once_as:
            self._once.add(once_as)
        self.recorded.append((event, provenance))
