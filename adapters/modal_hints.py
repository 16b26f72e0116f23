"""Hints where nothing is resident: due work starts what relays and dispatches, unless that runs already."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import modal
import structlog
from modal.exception import Error

from domain.ports.hints import Hints, Topic

FUNCTION = "keep_up"
WAKE_SECONDS = 1.0

log = structlog.get_logger()


class WakingHints:
    """Passes everything on, and calls `keep_up` of the deployed app when the outbox was filled.

    A process asks Modal at most once in `WAKE_SECONDS`, and never in the way of a request. What fails costs
    only waiting: `keep_up` runs every minute besides.
    """

    def __init__(
        self, hints: Hints, *, app_name: str, deadline_seconds: float, client: modal.Client | None = None
    ) -> None:
        self._hints = hints
        self._deadline_seconds = deadline_seconds
        self._function = modal.Function.from_name(app_name, FUNCTION, client=client)
        self._is_wanted = asyncio.Event()

    @asynccontextmanager
    async def waking(self) -> AsyncIterator[None]:
        """Wake while the block lasts."""
        task = asyncio.create_task(self._wake_when_wanted())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def announce(self, topic: Topic) -> None:
        self._hints.announce(topic)
        if topic is Topic.OUTBOX:
            self._is_wanted.set()

    async def wait(self, topic: Topic, *, at_most: float) -> None:
        await self._hints.wait(topic, at_most=at_most)

    async def _wake_when_wanted(self) -> None:
        while True:
            await self._is_wanted.wait()
            self._is_wanted.clear()
            try:
                async with asyncio.timeout(self._deadline_seconds):
                    await self._wake()
            except (Error, OSError, TimeoutError) as error:
                log.warning("modal.unavailable", asked=FUNCTION, error=str(error))
            await asyncio.sleep(WAKE_SECONDS)

    async def _wake(self) -> None:
        stats = await self._function.get_current_stats.aio()
        if stats.num_total_runners or stats.backlog:
            return
        call = await self._function.spawn.aio()
        log.info("modal.woken", call_id=call.object_id)
