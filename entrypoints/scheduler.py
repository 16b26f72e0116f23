"""Submitting what schedules ask for, in the relay's process: any number of relays may do it at once."""

import asyncio

from domain.use_cases.run_schedules import run_schedules
from entrypoints.loops import repeat, wait_for
from entrypoints.services import Services
from entrypoints.settings import Settings

SCHEDULES_AT_ONCE = 100


async def schedule_once(services: Services) -> int:
    """One step; how many schedules were due."""
    return await run_schedules(
        services.schedules,
        services.calendar,
        services.store,
        services.views,
        services.types,
        services.hints,
        services.clock,
        services.ids,
        limit=SCHEDULES_AT_ONCE,
    )


async def schedule_until(leaving: asyncio.Event, services: Services, settings: Settings) -> None:
    async def step() -> None:
        if not await schedule_once(services):
            await wait_for(leaving, at_most=settings.poll_seconds)

    await repeat("schedules", step, leaving=leaving, tallies=services.tallies)
