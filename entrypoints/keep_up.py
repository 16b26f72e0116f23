"""What a relay's process does, where nothing is resident: at work while there is work, and gone."""

from collections.abc import Callable

from domain.identifiers import Json, WorkerId
from domain.ports.remote_compute import RemoteCompute
from domain.use_cases.default_limits import keep_default_limits
from entrypoints.counting import EVENTS_AT_ONCE
from entrypoints.dispatcher import dispatch_once, remote_presence
from entrypoints.relay import relay_once
from entrypoints.scheduler import schedule_once
from entrypoints.services import Services
from entrypoints.settings import Settings
from entrypoints.shift import Shift
from entrypoints.webhooks import hand_over_once

ALIVE_FOR_SECONDS = 180.0
"""Until the third call from now: one may come late, and one be lost."""


def nobody() -> None:
    """Nobody is told."""


async def keep_up_for(
    services: Services,
    compute: RemoteCompute | None,
    settings: Settings,
    *,
    tell_of_events: Callable[[], None] = nobody,
) -> dict[str, Json]:
    """Work until there is nothing more to do, for a minute at most; what was done.

    `tell_of_events` is called when events were recorded, for who seals them.
    """
    await keep_default_limits(services.limits, services.hints, services.ids, wanted=settings.default_limits)
    if compute:
        presence = remote_presence(services, compute, settings, WorkerId(f"{compute.name}-keep-up"))
        await services.workers.beat(presence, alive_for_seconds=ALIVE_FOR_SECONDS)
    shift = Shift(services.clock, idle_seconds=settings.modal_idle_seconds)
    relayed = spawned = counted = scheduled = handed_over = 0
    while True:
        due = await schedule_once(services)
        handed = await hand_over_once(services)
        report = await relay_once(services, settings)
        calls = await dispatch_once(services, compute, settings) if compute else None
        events = await services.statistics.advance(limit=EVENTS_AT_ONCE)
        if events:
            tell_of_events()
        relayed += report.moved
        spawned += calls.spawned if calls else 0
        counted += events
        scheduled += due
        handed_over += handed
        worked = due or handed or report.moved or events or (calls and calls.spawned)
        if not await shift.goes_on(worked=bool(worked)):
            return {
                "relayed": relayed,
                "spawned": spawned,
                "counted": counted,
                "scheduled": scheduled,
                "handed_over": handed_over,
            }
