"""Looking for stuck jobs and orphans in memory."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from adapters.in_memory.state import InMemoryState
from domain.identifiers import JobId, MessageId, WorkerId
from domain.lifecycle import RUNNING
from domain.ports.recovery import Suspect, SuspectPage, Suspicion
from domain.views import JobView


class InMemoryRecovery:
    def __init__(self, state: InMemoryState) -> None:
        self._state = state

    async def suspects(self, *, after: JobId | None, limit: int, silent_for_seconds: int) -> SuspectPage:
        self._state.reach()
        since = self._state.clock.now() - timedelta(seconds=silent_for_seconds)
        page = [job_id for job_id in sorted(self._state.views) if after is None or job_id > after][:limit]
        suspects = []
        for job_id in page:
            view = self._state.views[job_id]
            if view.job.status in RUNNING and self._is_silent(view, since):
                lease = view.job.lease
                suspects.append(Suspect(view, Suspicion.STUCK, MessageId(lease.msg_id) if lease else None))
            elif view.job.is_waiting and self._is_orphaned(view, since):
                suspects.append(Suspect(view, Suspicion.ORPHANED, None))
        return SuspectPage(suspects, len(page), page[-1] if len(page) == limit else None)

    async def make_months_ahead(self) -> int:
        self._state.reach()
        return 0

    async def attempts_of(self, worker_ids: Sequence[WorkerId]) -> list[JobView]:
        self._state.reach()
        return [
            view
            for view in self._state.views.values()
            if (lease := view.job.lease)
            and lease.worker_id in worker_ids
            and lease.msg_id in self._state.queue
        ]

    def _is_silent(self, view: JobView, since: datetime) -> bool:
        lease = view.job.lease
        message = self._state.queue.get(lease.msg_id) if lease else None
        return message is None or message.visible_at <= since

    def _is_orphaned(self, view: JobView, since: datetime) -> bool:
        job = view.job
        return (
            job.due_at is not None
            and job.due_at < since
            and all(entry.job_id != job.id for entry in self._state.outbox.values())
            and all(job.id not in message.body for message in self._state.queue.values())
        )
