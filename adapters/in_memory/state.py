"""What the in-memory adapters share: one database, so to say."""

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from domain.audit import AuditEvent
from domain.errors import StorageUnavailable
from domain.events import Provenance, RecordedEvent
from domain.fair_shares import AGING, Limiting, Share, Waiting, choose, limit_for, spend
from domain.identifiers import JobId, MessageId, WorkerId
from domain.limits import Limit, Scope
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
    limits: dict[Scope, Limit] = field(default_factory=dict)
    spent_until: dict[Scope, datetime] = field(default_factory=dict)
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

    def due_entries(self, *, is_remote: bool, aging: timedelta = AGING) -> list[tuple[int, QueueEntry]]:
        """The outbox entries of one part that are due, as they must leave."""
        now = self.clock.now()
        due = [
            (entry_id, entry)
            for entry_id, entry in self.outbox.items()
            if entry.available_at <= now and self.is_remote(entry) is is_remote
        ]
        heads: dict[int, datetime] = {}
        for _, entry in due:
            heads[entry.priority] = min(entry.available_at, heads.get(entry.priority, entry.available_at))
        return sorted(
            due,
            key=lambda item: (
                heads[item[1].priority] - item[1].priority * aging,
                -item[1].priority,
                item[1].available_at,
                item[0],
            ),
        )

    @property
    def is_limited(self) -> bool:
        return any(limit.is_active for limit in self.limits.values())

    def share_of(self, job_id: JobId) -> Share:
        view = self.views[job_id]
        return Share(view.job.job_type, view.job.user_id, view.group_key or "")

    def let_go(self, *, is_remote: bool, places: int, aging: timedelta) -> list[tuple[int, QueueEntry]]:
        """The entries that leave now, with what they spend of rates."""
        if not self.is_limited:
            going = self.due_entries(is_remote=is_remote, aging=aging)[: max(places, 0)]
            return sorted(going, key=lambda it: (it[1].available_at - it[1].priority * aging, it[0]))
        now = self.clock.now()
        waiting = [
            Waiting(key, self.share_of(entry.job_id), entry.available_at - entry.priority * aging)
            for key, entry in self.due_entries(is_remote=is_remote)
        ]
        chosen = choose(waiting, self.limiting(), places=places, now=now)
        scopes = Counter(
            scope for it in chosen for scope in (it.share.user_scope, it.share.group_scope) if scope
        )
        for scope, starts in scopes.items():
            spent = spend(
                limit_for(self.limits, scope), starts=starts, spent_until=self.spent_until.get(scope), now=now
            )
            if spent:
                self.spent_until[scope] = spent
        return [(it.id, self.outbox[it.id]) for it in chosen]

    def limiting(self) -> Limiting:
        flying = [
            (share.user_id, share.group_key)
            for message in self.queue.values()
            if (share := self._share_of_message(message))
        ]
        return Limiting(self.limits, self.spent_until, flying)

    def _share_of_message(self, message: Message) -> Share | None:
        try:
            body = json.loads(message.body)
        except ValueError:
            return None
        known = isinstance(body, dict) and body.get("job_id") in self.views
        return self.share_of(body["job_id"]) if known else None

    def is_remote(self, entry: QueueEntry) -> bool:
        return self.routes.is_remote(self.views[entry.job_id].job.job_type)

    def stream(self, job_id: JobId) -> list[RecordedEvent]:
        return [stored.recorded for stored in self.events if stored.recorded.job_id == job_id]
