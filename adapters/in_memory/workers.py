"""The registry of living workers in memory."""

from datetime import timedelta

from adapters.in_memory.state import InMemoryState
from domain.identifiers import WorkerId
from domain.ports.workers import LivingWorker, Presence


class InMemoryWorkers:
    def __init__(self, state: InMemoryState) -> None:
        self._state = state

    async def beat(self, presence: Presence, *, alive_for_seconds: float) -> None:
        self._state.reach()
        now = self._state.clock.now()
        known = self._state.workers.get(presence.worker_id)
        started_at = known[0].started_at if known else now
        worker = LivingWorker(presence, started_at, now)
        self._state.workers[presence.worker_id] = (worker, now + timedelta(seconds=alive_for_seconds))

    async def leave(self, worker_id: WorkerId) -> None:
        self._state.reach()
        self._state.workers.pop(worker_id, None)

    async def living(self) -> list[LivingWorker]:
        self._state.reach()
        now = self._state.clock.now()
        found = [worker for worker, alive_until in self._state.workers.values() if alive_until > now]
        return sorted(found, key=lambda worker: (worker.started_at, worker.presence.worker_id))
