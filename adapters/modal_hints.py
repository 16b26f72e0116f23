"""Hints where nothing is resident: work to do starts the function that does it, on Modal."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import modal
import structlog
from modal.exception import Error

from domain.ports.hints import Hints, Topic

WAKE_SECONDS = 1.0

log = structlog.get_logger()


class Waker:
    """Calls `function` of the deployed app when it is wanted, unless a call of it waits already.

    A process asks Modal at most once in `WAKE_SECONDS`, and never in the way of a request. A container at
    work may be about to leave, so one call more waits behind it, and takes up what is left. What fails costs
    only waiting: every such function has a schedule, too.
    """

    def __init__(
        self, *, app_name: str, function: str, deadline_seconds: float, client: modal.Client | None = None
    ) -> None:
        self._name = function
        self._function = modal.Function.from_name(app_name, function, client=client)
        self._deadline_seconds = deadline_seconds
        self._is_wanted = asyncio.Event()

    def wake(self) -> None:
        """Have it called soon; never blocks, never fails."""
        self._is_wanted.set()

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

    async def _wake_when_wanted(self) -> None:
        while True:
            await self._is_wanted.wait()
            self._is_wanted.clear()
            try:
                async with asyncio.timeout(self._deadline_seconds):
                    await self._call()
            except (Error, OSError, TimeoutError) as error:
                log.warning("modal.unavailable", asked=self._name, error=str(error))
            await asyncio.sleep(WAKE_SECONDS)

    async def _call(self) -> None:
        stats = await self._function.get_current_stats.aio()
        if stats.backlog:
            return
        call = await self._function.spawn.aio()
        log.info("modal.woken", function=self._name, call_id=call.object_id)


class WakingHints:
    """Passes everything on, and wakes when `topic` was announced."""

    def __init__(self, hints: Hints, waker: Waker, *, topic: Topic) -> None:
        self._hints = hints
        self._waker = waker
        self._topic = topic

    def announce(self, topic: Topic) -> None:
        self._hints.announce(topic)
        if topic is self._topic:
            self._waker.wake()

    async def wait(self, topic: Topic, *, at_most: float) -> None:
        await self._hints.wait(topic, at_most=at_most)
