"""Waiting for jobs to move on: one statement for all who wait, however many they are."""

import asyncio
from collections import defaultdict
from collections.abc import Callable

from domain.errors import JobledgerError
from domain.identifiers import JobId
from domain.ports.job_views import JobViews

POLL_SECONDS = 0.25


class JobWatch:
    """Looks at the versions of all watched jobs together; holds no connection between two looks.

    While nobody waits it does nothing at all.
    """

    def __init__(self, views: Callable[[], JobViews], *, poll_seconds: float = POLL_SECONDS) -> None:
        self._views = views
        self._poll_seconds = poll_seconds
        self._waiting: defaultdict[JobId, dict[asyncio.Future[bool], int]] = defaultdict(dict)
        self._looking: asyncio.Task[None] | None = None
        self.is_closed = False

    @property
    def watched(self) -> int:
        return len(self._waiting)

    async def moved_on(self, job_id: JobId, version: int, *, at_most: float) -> bool:
        """Whether the job came above `version` within `at_most` seconds; False at once when closed.

        Raises StorageUnavailable when the database cannot be asked.
        """
        if self.is_closed or at_most <= 0:
            return False
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting[job_id][future] = version
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_while_watched())
        try:
            return await asyncio.wait_for(future, at_most)
        except TimeoutError:
            return False
        finally:
            self._forget(job_id, future)

    def close(self) -> None:
        """Let everybody go: the server is leaving."""
        self.is_closed = True
        for future in self._futures():
            future.set_result(False)

    async def _look_while_watched(self) -> None:
        while self._waiting:
            try:
                self._tell(await self._views().versions(list(self._waiting)))
            except JobledgerError as error:
                for future in self._futures():
                    future.set_exception(error)
            await asyncio.sleep(self._poll_seconds)

    def _tell(self, versions: dict[JobId, int]) -> None:
        for job_id, waiters in self._waiting.items():
            for future, version in waiters.items():
                if versions.get(job_id, 0) > version and not future.done():
                    future.set_result(True)

    def _futures(self) -> list[asyncio.Future[bool]]:
        return [one for waiters in self._waiting.values() for one in waiters if not one.done()]

    def _forget(self, job_id: JobId, future: asyncio.Future[bool]) -> None:
        del self._waiting[job_id][future]
        if not self._waiting[job_id]:
            del self._waiting[job_id]
