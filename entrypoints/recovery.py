"""Recovery: every relay sweeps at its start and then at intervals; any number of sweeps may run at once."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog

from domain.events import Actor, ActorKind, Provenance
from domain.use_cases.recover import Sweep, recover_orphaned_jobs
from entrypoints.loops import repeat, wait_for
from entrypoints.metrics.catalogue import RECOVERED, SWEEPS
from entrypoints.services import Services
from entrypoints.settings import Settings

log = structlog.get_logger()

SWEEPER = "sweep"
RESTS_FOR_WORK = 19
LONGEST_REST_SECONDS = 1.0


Rest = Callable[[], Awaitable[None]]


async def sweep_once(
    services: Services,
    settings: Settings,
    *,
    actor: Actor | None = None,
    dry_run: bool = False,
    rest: Rest | None = None,
) -> Sweep:
    """One sweep, as `actor` or as the service itself, with a `rest` between its pages."""
    return await recover_orphaned_jobs(
        services.recovery,
        services.store,
        services.audit,
        services.hints,
        services.types,
        services.clock,
        services.randomness,
        provenance=Provenance(
            actor=actor or Actor(ActorKind.RECOVERY, SWEEPER), command_id=services.ids.command_id()
        ),
        silent_for_seconds=settings.job_stuck_timeout_minutes * 60,
        dry_run=dry_run,
        rest=rest,
    )


def rests(leaving: asyncio.Event) -> Rest:
    """Nineteen times as long as what went before it took, a second at most, and none for who leaves.

    A sweep reads every job there ever was, and nobody waits for it: at full speed it took as much of the
    database as a hundred thousand jobs, right when a relay starts.
    """
    began = time.monotonic()

    async def rest() -> None:
        nonlocal began
        await wait_for(
            leaving, at_most=min(RESTS_FOR_WORK * (time.monotonic() - began), LONGEST_REST_SECONDS)
        )
        began = time.monotonic()

    return rest


async def sweep_until(leaving: asyncio.Event, services: Services, settings: Settings) -> None:
    async def step() -> None:
        sweep = await sweep_once(services, settings, rest=rests(leaving))
        services.tallies.add(SWEEPS)
        for finding in sweep.acted:
            services.tallies.add(RECOVERED, 1, finding.suspicion)
        log.info(
            "recovery.swept",
            scanned=sweep.scanned,
            acted=len(sweep.acted),
            skipped=len(sweep.skipped),
            months_made=sweep.months_made,
        )
        await wait_for(leaving, at_most=settings.recovery_minutes * 60)

    await repeat("recovery", step, leaving=leaving, tallies=services.tallies)
