"""Counting for dashboards, in the relay's process: any number of relays may, and one at a time does."""

import asyncio

from entrypoints.loops import repeat, wait_for
from entrypoints.services import Services
from entrypoints.settings import Settings

EVENTS_AT_ONCE = 20_000
# For how long a backlog of work goes first.
YIELD_SECONDS = 5.0


class Backlog:
    """Whether the relay had more than it could move when it last looked: then counting yields for a while.

    As long as it has not looked yet, it may have.
    """

    def __init__(self) -> None:
        self.is_there = True

    def goes_before(self, what_was_done_at: float, *, now: float) -> bool:
        return self.is_there and now - what_was_done_at < YIELD_SECONDS


async def count_until(
    leaving: asyncio.Event, services: Services, settings: Settings, backlog: Backlog
) -> None:
    loop = asyncio.get_running_loop()
    counted_at = loop.time()

    async def step() -> None:
        nonlocal counted_at
        counted = 0
        if not backlog.goes_before(counted_at, now=loop.time()):
            counted = await services.statistics.advance(limit=EVENTS_AT_ONCE)
            counted_at = loop.time()
        if counted < EVENTS_AT_ONCE:
            await wait_for(leaving, at_most=settings.statistics_seconds)

    await repeat("statistics", step, leaving=leaving, tallies=services.tallies)
