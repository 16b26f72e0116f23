"""The relay: moves due outbox entries into the queue, woken by hints and a slow poll.

Its process also dispatches, sweeps, counts, hands events to webhooks and runs schedules.
"""

import asyncio

import structlog

from domain.ports.hints import Topic
from domain.ports.outbox import RelayReport
from domain.use_cases.default_limits import keep_default_limits
from domain.use_cases.relay import relay_due
from entrypoints import bootstrap
from entrypoints.counting import Backlog, count_until
from entrypoints.dispatcher import dispatch_until
from entrypoints.loops import first_of, leave_on_signals, repeat, wait_for
from entrypoints.metrics.catalogue import HELD_BACK, RELAYED
from entrypoints.metrics.port import metrics_port
from entrypoints.recovery import sweep_until
from entrypoints.scheduler import schedule_until
from entrypoints.services import Services
from entrypoints.settings import Settings
from entrypoints.tracing import trace_relayed
from entrypoints.webhooks import hand_over_until

log = structlog.get_logger()

SHORTEST_WAIT_SECONDS = 0.001
# Nobody tells when an attempt ended and a limit has room again: looked for more and more rarely.
SOONEST_ROOM_SECONDS = 0.005
LATEST_ROOM_SECONDS = 0.1
# Looking whether a full queue has room costs as much as moving entries: not before workers, however fast,
# could have emptied it.
FASTEST_JOBS_A_SECOND = 50_000


async def run_relay(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT."""
    leaving = leave_on_signals()
    backlog = Backlog()
    async with bootstrap.open_services(settings, bootstrap.tracing("relay")) as services:
        await keep_default_limits(
            services.limits, services.hints, services.ids, wanted=settings.default_limits
        )
        log.info("relay.started")
        async with metrics_port(services, settings, reads_service=True):
            await asyncio.gather(
                relay_until(leaving, services, settings, backlog),
                sweep_until(leaving, services, settings),
                count_until(leaving, services, settings, backlog),
                hand_over_until(leaving, services, settings),
                schedule_until(leaving, services, settings),
                dispatch_until(leaving, services, bootstrap.remote_compute(settings), settings),
            )
    log.info("relay.left")


async def relay_once(services: Services, settings: Settings) -> RelayReport:
    """One step."""
    report = await relay_due(
        services.outbox,
        services.hints,
        limit=settings.relay_batch,
        max_visible=settings.queue_max_visible,
        names_entries=services.tracing.is_on,
        max_visible_fairly=settings.fair_max_visible,
        aging=settings.aging,
    )
    if report.entries:
        await trace_relayed(services, report.entries)
    services.tallies.add(RELAYED, report.moved)
    services.tallies.add(HELD_BACK, report.is_held_back)
    return report


class Held:
    """How long to wait for a limit to have room, twice as long each time that it had none."""

    def __init__(self) -> None:
        self._seconds = SOONEST_ROOM_SECONDS

    def seconds_after(self, report: RelayReport) -> float:
        if report.moved or not report.is_limited:
            self._seconds = SOONEST_ROOM_SECONDS
            return self._seconds
        waited, self._seconds = self._seconds, min(self._seconds * 2, LATEST_ROOM_SECONDS)
        return waited


async def relay_until(
    leaving: asyncio.Event, services: Services, settings: Settings, backlog: Backlog | None = None
) -> None:
    held = Held()

    async def step() -> None:
        report = await relay_once(services, settings)
        if backlog:
            backlog.is_there = report.is_held_back or report.moved == settings.relay_batch
        wait_for_room = held.seconds_after(report)
        if report.moved:
            return
        if report.is_held_back:
            # Hints tell of new entries, and there is no room even for the old ones.
            await wait_for(leaving, at_most=settings.queue_max_visible / FASTEST_JOBS_A_SECOND)
            return
        wait = settings.poll_seconds
        if report.next_due_at:
            wait = min(wait, (report.next_due_at - services.clock.now()).total_seconds())
        if report.is_limited:
            wait = min(wait, wait_for_room)
        wait = max(wait, SHORTEST_WAIT_SECONDS)
        await first_of(lambda: services.hints.wait(Topic.OUTBOX, at_most=wait), leaving.wait)

    await repeat("relay", step, leaving=leaving, tallies=services.tallies)
