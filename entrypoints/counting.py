"""Counting for dashboards, in the relay's process: any number of relays may, and one at a time does."""

import asyncio

from entrypoints.loops import repeat, wait_for
from entrypoints.services import Services
from entrypoints.settings import Settings

EVENTS_AT_ONCE = 20_000


async def count_until(leaving: asyncio.Event, services: Services, settings: Settings) -> None:
    async def step() -> None:
        counted = await services.statistics.advance(limit=EVENTS_AT_ONCE)
        if counted < EVENTS_AT_ONCE:
            await wait_for(leaving, at_most=settings.statistics_seconds)

    await repeat("statistics", step, leaving=leaving, tallies=services.tallies)
