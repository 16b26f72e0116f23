"""The read model in memory."""

from collections.abc import Sequence

from adapters.in_memory.state import InMemoryState
from domain.identifiers import JobId, UserId
from domain.ports.job_views import LOOK, JobFilter, Page
from domain.views import JobView


class InMemoryJobViews:
    def __init__(self, state: InMemoryState) -> None:
        self._state = state

    async def get(self, job_id: JobId, *, owner: UserId | None = None) -> JobView | None:
        self._state.reach()
        view = self._state.views.get(job_id)
        return view if view and owner in (None, view.job.user_id) else None

    async def get_many(self, job_ids: Sequence[JobId]) -> dict[JobId, JobView]:
        self._state.reach()
        views = self._state.views
        return {job_id: views[job_id] for job_id in job_ids if job_id in views}

    async def versions(self, job_ids: Sequence[JobId]) -> dict[JobId, int]:
        return {job_id: view.job.version for job_id, view in (await self.get_many(job_ids)).items()}

    async def newest(
        self,
        which: JobFilter,
        *,
        limit: int,
        before: JobId | None = None,
        offset: int = 0,
        look: int | None = LOOK,
    ) -> Page:
        self._state.reach()
        ordered = [
            view
            for job_id, view in sorted(self._state.views.items(), reverse=True)
            if (before is None or job_id < before) and which.user_id in (None, view.job.user_id)
        ]
        looked = ordered[:look]
        found = [view for view in looked if _matches(view, which)][offset:]
        if len(found) > limit:
            return Page(found[:limit], found[limit - 1].job.id)
        return Page(found, looked[-1].job.id if looked and len(looked) == look else None)

    async def count(self, which: JobFilter) -> int:
        self._state.reach()
        return sum(_matches(view, which) for view in self._state.views.values())

    async def estimate(self, which: JobFilter) -> int:
        return await self.count(which)


def _matches(view: JobView, which: JobFilter) -> bool:
    job = view.job
    return (
        which.user_id in (None, job.user_id)
        and (not which.statuses or job.status in which.statuses)
        and which.job_type in (None, job.job_type)
        and (which.tag is None or which.tag in view.tags)
        and (which.created_after is None or view.created_at >= which.created_after)
        and (which.created_before is None or view.created_at < which.created_before)
    )
