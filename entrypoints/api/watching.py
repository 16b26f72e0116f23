"""Waiting for numbers to rise: jobs' versions, or how far the ledger is sealed.

One look serves all who wait, however many they are, and holds no connection until the next; while nobody
waits there is none.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping
from typing import Generic, TypeVar

from domain.errors import JobledgerError
from domain.identifiers import JobId
from domain.ports.hints import Topic
from domain.ports.job_views import JobViews
from entrypoints.services import Services

POLL_SECONDS = 0.25

K = TypeVar("K", bound=Hashable)


class _Watch(Generic[K]):
    """Those who wait, each for the number of a key to rise.

    `look` asks for the numbers of keys, `rest` is what comes between two looks.
    """

    def __init__(
        self,
        look: Callable[[Collection[K]], Awaitable[Mapping[K, int]]],
        rest: Callable[[], Awaitable[None]],
    ) -> None:
        self._look = look
        self._rest = rest
        self._waiting: dict[asyncio.Future[bool], tuple[K, int]] = {}
        self._looking: asyncio.Task[None] | None = None
        self.is_closed = False

    @property
    def keys(self) -> set[K]:
        return {key for key, _ in self._waiting.values()}

    async def rises(self, key: K, above: int, *, at_most: float) -> bool:
        """Whether it came above within `at_most` seconds; False at once when closed."""
        if self.is_closed or at_most <= 0:
            return False
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting[future] = (key, above)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_while_watched())
        try:
            return await asyncio.wait_for(future, at_most)
        except TimeoutError:
            return False
        finally:
            del self._waiting[future]

    def close(self) -> None:
        self.is_closed = True
        for future in self._undone():
            future.set_result(False)

    async def _look_while_watched(self) -> None:
        while self._waiting:
            try:
                self._tell(await self._look(self.keys))
            except JobledgerError as error:
                for future in self._undone():
                    future.set_exception(error)
            await self._rest()

    def _tell(self, numbers: Mapping[K, int]) -> None:
        for future in self._undone():
            key, above = self._waiting[future]
            if numbers.get(key, 0) > above:
                future.set_result(True)

    def _undone(self) -> list[asyncio.Future[bool]]:
        return [future for future in self._waiting if not future.done()]


class JobWatch:
    """Looks at the versions of all watched jobs together."""

    def __init__(self, views: Callable[[], JobViews], *, poll_seconds: float = POLL_SECONDS) -> None:
        async def versions(job_ids: Collection[JobId]) -> Mapping[JobId, int]:
            return await views().versions(list(job_ids))

        self._watch = _Watch(versions, lambda: asyncio.sleep(poll_seconds))

    @property
    def is_closed(self) -> bool:
        return self._watch.is_closed

    @property
    def watched(self) -> int:
        """How many jobs are waited for."""
        return len(self._watch.keys)

    async def moved_on(self, job_id: JobId, version: int, *, at_most: float) -> bool:
        """Whether the job came above `version` within `at_most` seconds; False at once when closed.

        Raises StorageUnavailable when the database cannot be asked.
        """
        return await self._watch.rises(job_id, version, at_most=at_most)

    def close(self) -> None:
        """Let everybody go: the server is leaving."""
        self._watch.close()


class FeedWatch:
    """Looks at how far the ledger is sealed, when it is told that something was, and now and then besides."""

    def __init__(self, services: Callable[[], Services], *, poll_seconds: float = POLL_SECONDS) -> None:
        async def sealed(_: Collection[None]) -> Mapping[None, int]:
            return {None: await services().ledger.last_position()}

        self._watch = _Watch(sealed, lambda: services().hints.wait(Topic.LEDGER, at_most=poll_seconds))

    @property
    def is_closed(self) -> bool:
        return self._watch.is_closed

    async def moved_past(self, position: int, *, at_most: float) -> bool:
        """Whether more than `position` is sealed within `at_most` seconds; False at once when closed.

        Raises StorageUnavailable when the database cannot be asked.
        """
        return await self._watch.rises(None, position, at_most=at_most)

    def close(self) -> None:
        """Let everybody go: the server is leaving."""
        self._watch.close()
