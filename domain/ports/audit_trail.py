"""Recording what is not a job's own event."""

from typing import Protocol

from domain.audit import AuditEvent
from domain.events import Provenance


class AuditTrail(Protocol):
    async def record(self, event: AuditEvent, provenance: Provenance) -> None:
        """Append the event as a stream of its own; raises StorageUnavailable."""
