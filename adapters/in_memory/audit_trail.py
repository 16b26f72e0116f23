"""The audit trail in memory."""

from domain.audit import AuditEvent
from domain.events import Provenance


class InMemoryAuditTrail:
    def __init__(self) -> None:
        self.recorded: list[tuple[AuditEvent, Provenance]] = []

    async def record(self, event: AuditEvent, provenance: Provenance) -> None:
        self.recorded.append((event, provenance))
