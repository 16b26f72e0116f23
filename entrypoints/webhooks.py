"""Handing events to webhooks, in the relay's process: any number of relays may do it at once."""

import asyncio

from domain.use_cases.hand_to_webhooks import hand_to_webhooks
from entrypoints.loops import repeat, wait_for
from entrypoints.services import Services
from entrypoints.settings import Settings

EVENTS_AT_ONCE = 500


async def hand_over_once(services: Services) -> int:
    """One step; how many events there were."""
    return await hand_to_webhooks(
        services.ledger,
        services.endpoints,
        services.views,
        services.store,
        services.hints,
        services.clock,
        services.ids,
        limit=EVENTS_AT_ONCE,
    )


async def hand_over_until(leaving: asyncio.Event, services: Services, settings: Settings) -> None:
    async def step() -> None:
        if not await hand_over_once(services):
            await wait_for(leaving, at_most=settings.poll_seconds)

    await repeat("webhooks", step, leaving=leaving, tallies=services.tallies)
