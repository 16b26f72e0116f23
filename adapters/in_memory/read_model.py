"""The read model in memory, compared with its events and made anew."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from adapters.in_memory.state import InMemoryState
from domain.identifiers import JobId
from domain.ports.read_model import Span, StoredJob, StoredPage
from domain.use_cases.rebuild import folded
from domain.views import JobView


class InMemoryReadModel:
    def __init__(self, state: InMemoryState) -> None:
        self._state = state

    async def size(self) -> int:
        self._state.reach()
        return len(self._state.views)

    async def nth(self, *, after: JobId | None, number: int) -> JobId | None:
        self._state.reach()
        ids = sorted(job_id for job_id in self._state.views if after is None or job_id > after)
        return ids[number - 1] if len(ids) >= number else None

    async def page(self, *, span: Span, limit: int) -> StoredPage:
        self._state.reach()
        after, through = span
        known = {stored.recorded.job_id for stored in self._state.events} | self._state.views.keys()
        ids = sorted(
            job_id
            for job_id in known
            if (after is None or job_id > after) and (through is None or job_id <= through)
        )
        page = [self.stored(job_id) for job_id in ids[:limit]]
        return StoredPage(page, ids[limit - 1] if len(ids) > limit else None)

    def stored(self, job_id: JobId) -> StoredJob:
        return StoredJob(job_id, self._state.stream(job_id), self._state.views.get(job_id))


class InMemoryRebuild:
    """`seen` is how many events it knows once it caught up."""

    def __init__(self, state: InMemoryState) -> None:
        self._state = state
        self._seen = len(state.events)
        self._beside: dict[JobId, JobView] = {}

    async def put(self, views: Sequence[JobView]) -> None:
        self._state.reach()
        self._beside |= {view.job.id: view for view in views}

    async def catch_up(self) -> int:
        self._state.reach()
        moved = {stored.recorded.job_id for stored in self._state.events[self._seen :]}
        self._seen = len(self._state.events)
        model = InMemoryReadModel(self._state)
        await self.put([view for job_id in moved if (view := folded(model.stored(job_id)))])
        return len(moved)

    async def differing(self) -> list[JobId]:
        moved = {stored.recorded.job_id for stored in self._state.events[self._seen :]}
        known = (self._beside.keys() | self._state.views.keys()) - moved
        return sorted(key for key in known if self._beside.get(key) != self._state.views.get(key))

    async def swap(self) -> None:
        await self.catch_up()
        self._state.views = self._beside


class InMemoryRebuilding:
    def __init__(self, state: InMemoryState) -> None:
        self._state = state

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[InMemoryRebuild]:
        yield InMemoryRebuild(self._state)
