"""What a worker does first: take up what processes in its place left behind when they crashed."""

import asyncio
from collections.abc import Sequence

import structlog

from domain.events import Actor, ActorKind, Provenance
from domain.identifiers import WorkerId
from domain.use_cases.settle_crashed import settle_crashed
from entrypoints.loops import first_of, repeat
from entrypoints.services import Services

log = structlog.get_logger()


async def clear_up(
    leaving: asyncio.Event, services: Services, worker_id: WorkerId, exited: Sequence[WorkerId]
) -> None:
    """Give up the attempts of the processes that have exited; once is enough, and none is no matter."""
    done = asyncio.Event()

    async def step() -> None:
        provenance = Provenance(Actor(ActorKind.WORKER, worker_id), services.ids.command_id())
        settled = await settle_crashed(
            services.recovery,
            services.store,
            services.hints,
            services.types,
            services.clock,
            services.randomness,
            gone=exited,
            provenance=provenance,
        )
        if settled:
            log.warning("attempts.crashed", settled=settled)
        done.set()

    if exited:
        await first_of(lambda: repeat("clear_up", step, leaving=done, tallies=services.tallies), leaving.wait)
