"""JobStatistics in memory: counted anew from the events that `advance` has come to."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

from adapters.in_memory.audit_trail import InMemoryAuditTrail
from adapters.in_memory.state import InMemoryState
from domain.audit import RecoverySwept
from domain.events import JobSubmitted
from domain.identifiers import JobId, UserId
from domain.job_statistics import EVERYBODY, MINUTE, Count, Rate, Step, step_of, steps
from domain.lifecycle import Status
from domain.ports.job_statistics import QueueDepth, RecordedSweep


class InMemoryJobStatistics:
    def __init__(self, state: InMemoryState, audit: InMemoryAuditTrail) -> None:
        self._state = state
        self._audit = audit
        self._counted = 0

    async def advance(self, *, limit: int) -> int:
        self._state.reach()
        before = self._counted
        self._counted = min(len(self._state.events), before + limit)
        return self._counted - before

    async def counts(self, *, user_id: UserId) -> list[Count]:
        self._state.reach()
        jobs: Counter[tuple[str, Status]] = Counter()
        for job_type, step in self._steps(user_id):
            jobs[job_type, step.after] += 1
            if step.before:
                jobs[job_type, step.before] -= 1
        return [Count(*key, number) for key, number in jobs.items() if number > 0]

    async def rates(self, *, user_id: UserId, since: datetime, step: timedelta = MINUTE) -> list[Rate]:
        self._state.reach()
        events = Counter(
            (step_of(happened.minute, step), job_type, happened.event_type, happened.bucket)
            for job_type, happened in self._steps(user_id)
            if happened.minute >= since
        )
        return sorted(Rate(*key, number) for key, number in events.items())

    async def queue_depth(self) -> QueueDepth:
        self._state.reach()
        now = self._state.clock.now()
        visible = sum(message.visible_at <= now for message in self._state.queue.values())
        due = [entry.available_at for entry in self._state.outbox.values() if entry.available_at <= now]
        return QueueDepth(visible, len(self._state.queue) - visible, min(due, default=None))

    async def sweeps(self, *, limit: int) -> list[RecordedSweep]:
        self._state.reach()
        now = self._state.clock.now()
        sweeps = [
            RecordedSweep(now, provenance.actor, event)
            for event, provenance in reversed(self._audit.recorded)
            if isinstance(event, RecoverySwept)
        ]
        return sweeps[:limit]

    @property
    def oldest_uncounted_at(self) -> datetime | None:
        uncounted = self._state.events[self._counted :]
        return uncounted[0].recorded.recorded_at if uncounted else None

    async def start_over(self) -> None:
        self._state.reach()
        self._counted = 0

    def _steps(self, user_id: UserId) -> Iterator[tuple[str, Step]]:
        streams: dict[JobId, list[int]] = {}
        for index, stored in enumerate(self._state.events[: self._counted]):
            streams.setdefault(stored.recorded.job_id, []).append(index)
        for indexes in streams.values():
            stream = [self._state.events[index].recorded for index in indexes]
            first = stream[0].event
            if isinstance(first, JobSubmitted) and user_id in (EVERYBODY, first.user_id):
                yield from ((first.job_type, step) for step in steps(stream))
