"""Recording what is not a job's own event."""

from typing import Protocol

from domain.audit import AuditEvent
from domain.events import Provenance
from domain.identifiers import JobId


class AuditTrail(Protocol):
    async def record(
        self, event: AuditEvent, provenance: Provenance, *, once_as: JobId | None = None
    ) -> None:
        """Append the event as a stream of its own; raises StorageUnavailable.

        With `once_as`, under that id, and not at all where that stream is there already.
        """
