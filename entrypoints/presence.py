"""A worker process makes itself known: it tells at intervals that it lives, and at the end that it left."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from domain.errors import StorageUnavailable
from domain.ports.workers import Presence
from entrypoints.loops import repeat, wait_for
from entrypoints.services import Services

BEAT_SECONDS = 10.0
# Two beats may get lost before anybody thinks that the worker has died.
ALIVE_FOR_SECONDS = 3.5 * BEAT_SECONDS


async def beat_until(leaving: asyncio.Event, services: Services, tell: Callable[[], Presence]) -> None:
    """Beat until `leaving`; what cannot be told then is left to the end of the last beat."""

    async def step() -> None:
        await services.workers.beat(tell(), alive_for_seconds=ALIVE_FOR_SECONDS)
        await wait_for(leaving, at_most=BEAT_SECONDS)

    await repeat("beat", step, leaving=leaving, tallies=services.tallies)
    with suppress(StorageUnavailable):
        await services.workers.leave(tell().worker_id)
