"""The read model in memory."""

from collections.abc import Sequence

from adapters.in_memory.state import InMemoryState
from domain.identifiers import JobId
from domain.ports.job_views import JobFilter
from domain.views import JobView


class InMemoryJobViews:
    def __init__(self, state: InMemoryState) -> None:
        self._state = state

    async def get(self, job_id: JobId) -> JobView | None:
        self._state.reach()
        return self._state.views.get(job_id)

    async def get_many(self, job_ids: Sequence[JobId]) -> dict[JobId, JobView]:
        self._state.reach()
        views = self._state.views
        return {job_id: views[job_id] for job_id in job_ids if job_id in views}

    async def newest(
        self, which: JobFilter, *, limit: int, before: JobId | None = None, offset: int = 0
    ) -> list[JobView]:
        self._state.reach()
        ordered = sorted(self._state.views.items(), reverse=True)
        found = [
            view for job_id, view in ordered if (before is None or job_id < before) and _matches(view, which)
        ]
        return found[offset : offset + limit]


def _matches(view: JobView, which: JobFilter) -> bool:
    job = view.job
    return (
        which.user_id in (None, job.user_id)
        and which.status in (None, job.status)
        and which.job_type in (None, job.job_type)
        and (which.tag is None or which.tag in view.tags)
    )
