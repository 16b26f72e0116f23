"""Waiting for jobs to move on, or for the ledger: one statement for all who wait, however many they are."""

import asyncio
from collections import defaultdict
from collections.abc import Callable

from domain.errors import JobledgerError
from domain.identifiers import JobId
from domain.ports.hints import Topic
from domain.ports.job_views import JobViews
from entrypoints.services import Services

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


class FeedWatch:
    """Looks at how far the ledger is sealed, once for all who wait; while nobody waits it does nothing.

    It looks when it is told that something was sealed, and now and then besides.
    """

    def __init__(self, services: Callable[[], Services], *, poll_seconds: float = POLL_SECONDS) -> None:
        self._services = services
        self._poll_seconds = poll_seconds
        self._waiting: dict[asyncio.Future[bool], int] = {}
        self._looking: asyncio.Task[None] | None = None
        self.is_closed = False

    async def moved_past(self, position: int, *, at_most: float) -> bool:
        """Whether more than `position` is sealed within `at_most` seconds; False at once when closed.

        Raises StorageUnavailable when the database cannot be asked.
        """
        if self.is_closed or at_most <= 0:
            return False
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting[future] = position
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_while_watched())
        try:
            return await asyncio.wait_for(future, at_most)
        except TimeoutError:
            return False
        finally:
            del self._waiting[future]

    def close(self) -> None:
        """Let everybody go: the server is leaving."""
        self.is_closed = True
        for future in self._undone():
            future.set_result(False)

    async def _look_while_watched(self) -> None:
        while self._waiting:
            try:
                last = await self._services().ledger.last_position()
                for future in self._undone():
                    if self._waiting[future] < last:
                        future.set_result(True)
            except JobledgerError as error:
                for future in self._undone():
                    future.set_exception(error)
            await self._services().hints.wait(Topic.LEDGER, at_most=self._poll_seconds)

    def _undone(self) -> list[asyncio.Future[bool]]:
        return [future for future in self._waiting if not future.done()]
