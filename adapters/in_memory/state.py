"""What the in-memory adapters share: one database, so to say."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from domain.audit import AuditEvent
from domain.errors import StorageUnavailable
from domain.events import Provenance, RecordedEvent
from domain.identifiers import JobId, MessageId, WorkerId
from domain.ports.system import Clock
from domain.ports.workers import LivingWorker
from domain.routes import EVERYTHING_LOCAL, Routes
from domain.views import JobView, QueueEntry


class StoredEvent(NamedTuple):
    """`id` is drawn before the commit: ids are unique, but neither dense nor in commit order."""

    id: int
    recorded: RecordedEvent


class StoredAuditEvent(NamedTuple):
    """An event that is a stream of its own, as it was recorded."""

    job_id: JobId
    event: AuditEvent
    provenance: Provenance
    recorded_at: datetime
    code_version: str = ""
    version: int = 1
    commitment: bytes | None = None


@dataclass(slots=True)
class Message:
    """`compute` is the remote one that it was handed to; `chances_left` those of an isolated job."""

    body: str
    visible_at: datetime
    read_ct: int = 0
    compute: str | None = None
    chances_left: int | None = None

    @property
    def is_set_apart(self) -> bool:
        return self.compute is not None or self.chances_left is not None


class Parked(NamedTuple):
    body: str
    error: str


@dataclass(slots=True)
class InMemoryState:
    """Everything that would be durable.

    `effects` are what handlers' transactions left behind; `workers` are kept with the time until which they
    count as alive.

    Whoever sets `is_reachable` to False takes the database away: every port over it then raises
    StorageUnavailable.
    """

    clock: Clock
    events: list[StoredEvent] = field(default_factory=list)
    audit_events: list[StoredAuditEvent] = field(default_factory=list)
    views: dict[JobId, JobView] = field(default_factory=dict)
    outbox: dict[int, QueueEntry] = field(default_factory=dict)
    queue: dict[MessageId, Message] = field(default_factory=dict)
    parked: list[Parked] = field(default_factory=list)
    effects: list[object] = field(default_factory=list)
    workers: dict[WorkerId, tuple[LivingWorker, datetime]] = field(default_factory=dict)
    routes: Routes = EVERYTHING_LOCAL
    is_reachable: bool = True
    _last_id: int = 0

    def reach(self) -> None:
        """What every call to a database begins with."""
        if not self.is_reachable:
            raise StorageUnavailable("The database cannot be reached.")

    def next_id(self) -> int:
        """As a sequence: never the same twice, and never given back."""
        self._last_id += 1
        return self._last_id

    def put_message(self, body: str) -> None:
        """Send to the queue; visible at once."""
        self.queue[MessageId(self.next_id())] = Message(body, self.clock.now())

    def due_entries(self, *, is_remote: bool) -> list[tuple[int, QueueEntry]]:
        """The outbox entries of one part that are due, as they must leave."""
        now = self.clock.now()
        due = [
            (entry_id, entry)
            for entry_id, entry in self.outbox.items()
            if entry.available_at <= now and self.is_remote(entry) is is_remote
        ]
        return sorted(due, key=lambda item: (-item[1].priority, item[1].available_at, item[0]))

    def is_remote(self, entry: QueueEntry) -> bool:
        return self.routes.is_remote(self.views[entry.job_id].job.job_type)

    def stream(self, job_id: JobId) -> list[RecordedEvent]:
        return [stored.recorded for stored in self.events if stored.recorded.job_id == job_id]
