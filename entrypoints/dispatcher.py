"""The dispatcher, in the relay's process: makes calls on remote compute, and looks after them."""

import asyncio

import structlog

from domain.identifiers import WorkerId
from domain.ports.hints import Topic
from domain.ports.remote_compute import RemoteCompute
from domain.ports.workers import Presence
from domain.use_cases.dispatch import DispatchReport, dispatch_due
from domain.use_cases.look_after_calls import look_after_calls
from entrypoints.loops import first_of, repeat, wait_for
from entrypoints.presence import beat_until
from entrypoints.services import Services
from entrypoints.settings import Settings

log = structlog.get_logger()

CALLS_AT_ONCE = 50
HOME_SECONDS = 60.0
AFTER_FAILURE_SECONDS = 5.0


async def dispatch_until(
    leaving: asyncio.Event, services: Services, compute: RemoteCompute | None, settings: Settings
) -> None:
    """Dispatch until `leaving`; without remote compute only bring back what was once handed to it."""

    async def step() -> None:
        if compute is None:
            await services.dispatches.bring_home()
            await wait_for(leaving, at_most=HOME_SECONDS)
            return
        report = await dispatch_once(services, compute, settings)
        if report.failed:
            await wait_for(leaving, at_most=AFTER_FAILURE_SECONDS)
        elif not report.spawned:
            poll = settings.poll_seconds
            await first_of(lambda: services.hints.wait(Topic.OUTBOX, at_most=poll), leaving.wait)

    dispatching = repeat("dispatch", step, leaving=leaving, tallies=services.tallies)
    if compute is None:
        await dispatching
        return
    presence = remote_presence(services, compute, settings, WorkerId(services.ids.command_id()))
    await asyncio.gather(dispatching, beat_until(leaving, services, lambda: presence))


def remote_presence(
    services: Services, compute: RemoteCompute, settings: Settings, worker_id: WorkerId
) -> Presence:
    """What a dispatcher tells for its remote workers, which are there only while there is something to do."""
    return Presence(
        worker_id=worker_id,
        compute=compute.name,
        job_types=tuple(name for name in services.types.names() if settings.routes.is_remote(name)),
        concurrency=settings.modal_max_containers,
        running=0,
    )


async def dispatch_once(services: Services, compute: RemoteCompute, settings: Settings) -> DispatchReport:
    """One step: the calls that are due, and those whose time is up."""
    looked_after = await look_after_calls(
        services.dispatches,
        services.queue,
        services.store,
        compute,
        services.hints,
        services.types,
        services.clock,
        services.ids,
        services.randomness,
        limit=CALLS_AT_ONCE,
        hold_seconds=settings.modal_claim_seconds,
    )
    due = await dispatch_due(
        services.dispatches,
        services.queue,
        services.store,
        compute,
        services.ids,
        limit=CALLS_AT_ONCE,
        max_unclaimed=settings.modal_max_unclaimed,
        claim_seconds=settings.modal_claim_seconds,
        aging=settings.aging,
    )
    report = looked_after.plus(due)
    if report.spawned or report.failed:
        log.info("calls.made", compute=compute.name, **report._asdict())
    return report
