"""The event store in memory."""

import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields, replace
from typing import Any

from adapters.in_memory.state import InMemoryState, StoredAuditEvent, StoredEvent
from adapters.postgres import event_codec
from domain.events import JobEvent, PersonalDataErased, Provenance, RecordedEvent
from domain.identifiers import JobId, Json, MessageId, UserId
from domain.job import Job
from domain.job_types import OutcomeTransaction
from domain.ports.event_store import Appended, AppendOutcome, Change, KeyTaken, Stale
from domain.views import JobView, project, queue_entry


@dataclass(slots=True, kw_only=True)
class InMemoryOutcomeTransaction:
    """`connection` is a list: what is appended to it becomes one of the state's effects at commit."""

    connection: list[object] = field(default_factory=list)
    result: Json = None
    data_references: tuple[str, ...] = ()
    after: JobView | None = None


class InMemoryEventStore:
    def __init__(self, state: InMemoryState, *, code_version: str = "in-memory") -> None:
        self._state = state
        self._code_version = code_version

    async def append(self, changes: Sequence[Change]) -> list[AppendOutcome]:
        self._state.reach()
        if len({change.job_id for change in changes}) < len(changes):
            raise ValueError("a job may stand in a call only once")
        return [self._append(change) for change in changes]

    async def append_all(self, changes: Sequence[Change]) -> list[AppendOutcome]:
        if any(change.before for change in changes):
            raise ValueError("only submissions are recorded all or none")
        state = self._state
        before = (list(state.events), dict(state.views), dict(state.outbox))
        outcomes = await self.append(changes)
        if not all(isinstance(outcome, Appended) for outcome in outcomes):
            state.events, state.views, state.outbox = before
        return outcomes

    async def key_holder(self, *, user_id: UserId, idempotency_key: str) -> JobView | None:
        self._state.reach()
        for view in self._state.views.values():
            if view.job.user_id == user_id and view.idempotency_key == idempotency_key:
                return view
        return None

    @asynccontextmanager
    async def deciding(
        self,
        job_id: JobId,
        *,
        provenance: Provenance,
        settles: MessageId | None,
        decide: Callable[[Job, OutcomeTransaction], JobEvent],
    ) -> AsyncIterator[InMemoryOutcomeTransaction]:
        self._state.reach()
        transaction = InMemoryOutcomeTransaction()
        # Drawn at the beginning: a rollback burns it.
        event_id = self._state.next_id()
        yield transaction
        self._state.reach()
        before = self._state.views[job_id]
        event = decide(before.job, transaction)
        change = Change(job_id=job_id, before=before, event=event, provenance=provenance, settles=settles)
        transaction.after = self._commit(change, event_id)
        self._state.effects += transaction.connection

    async def read_stream(
        self, job_id: JobId, *, after_version: int = 0, limit: int = 1000
    ) -> list[RecordedEvent]:
        self._state.reach()
        stream = self._state.stream(job_id)
        return [recorded for recorded in stream if recorded.version > after_version][:limit]

    def _append(self, change: Change) -> AppendOutcome:
        event_id = self._state.next_id()
        current = self._state.views.get(change.job_id)
        version = current.job.version if current else 0
        if version != (change.before.job.version if change.before else 0):
            return Stale(change.job_id)
        after = project(change.before, self._recorded(change))
        holder = self._holder(after)
        return KeyTaken(holder) if holder else Appended(change, self._commit(change, event_id).updated_at)

    def _commit(self, change: Change, event_id: int) -> JobView:
        state = self._state
        recorded = self._recorded(change)
        if isinstance(change.event, PersonalDataErased):
            self._erase(change.job_id)
        after = project(change.before, recorded)
        state.events.append(StoredEvent(event_id, recorded))
        state.views[change.job_id] = after
        self._update_outbox(change.before, after)
        if change.settles is not None:
            state.queue.pop(change.settles, None)
        return after

    def _recorded(self, change: Change) -> RecordedEvent:
        before = change.before
        now = self._state.clock.now()
        return RecordedEvent(
            job_id=change.job_id,
            version=before.job.version + 1 if before else 1,
            event=change.event,
            provenance=change.provenance,
            recorded_at=max(now, before.updated_at) if before else now,
            schema_version=change.event.SCHEMA_VERSION,
            code_version=self._code_version,
        )

    def _update_outbox(self, before: JobView | None, after: JobView) -> None:
        outbox = self._state.outbox
        if before and before.job.is_waiting and not after.job.is_waiting:
            for entry_id in [key for key, entry in outbox.items() if entry.job_id == after.job.id]:
                del outbox[entry_id]
        entry = queue_entry(before, after)
        if entry:
            outbox[self._state.next_id()] = entry

    def _holder(self, after: JobView) -> JobView | None:
        """Another job that holds a key which this one needs; a replay is told before a rival."""
        others = [
            view
            for view in self._state.views.values()
            if view.job.id != after.job.id and view.job.user_id == after.job.user_id
        ]
        for view in others:
            if view.idempotency_key and view.idempotency_key == after.idempotency_key:
                return view
        for view in others:
            same_type = view.job.job_type == after.job.job_type
            if same_type and view.held_unique_key and view.held_unique_key == after.held_unique_key:
                return view
        return None

    def _erase(self, job_id: JobId) -> None:
        """As the database does it: payloads go, facts stay."""
        for place, stored in enumerate(self._state.events):
            if stored.recorded.job_id == job_id:
                self._state.events[place] = stored._replace(recorded=without_payload(stored.recorded))


def without_payload(recorded: RecordedEvent) -> RecordedEvent:
    """The event as it reads once its personal fields were erased."""
    personal: dict[str, Any] = {
        entry.name: entry.default for entry in fields(recorded.event) if entry.metadata
    }
    # What was committed to stays, though it can no longer be worked out.
    commitment = recorded.commitment or event_codec.encode(recorded.event, salt_of(recorded)).commitment
    return recorded._replace(
        event=replace(recorded.event, **personal), commitment=commitment, is_erased=bool(personal)
    )


def salt_of(recorded: RecordedEvent | StoredAuditEvent) -> bytes:
    """Not random, so that an event encodes the same way each time."""
    stream = f"{recorded.job_id} {recorded.version}".encode()
    return hashlib.sha256(stream).digest()[: event_codec.SALT_BYTES]
