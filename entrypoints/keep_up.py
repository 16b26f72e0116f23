"""What a relay's process does, where nothing is resident: at work while there is work, and gone."""

from domain.identifiers import Json
from domain.ports.remote_compute import RemoteCompute
from entrypoints.counting import EVENTS_AT_ONCE
from entrypoints.dispatcher import dispatch_once
from entrypoints.relay import relay_once
from entrypoints.scheduler import schedule_once
from entrypoints.services import Services
from entrypoints.settings import Settings
from entrypoints.webhooks import hand_over_once

AT_MOST_SECONDS = 55.0
"""A little less than a minute, because the schedule starts the next one then."""
IDLE_SECONDS = 5.0
POLL_SECONDS = 0.25


async def keep_up_for(
    services: Services, compute: RemoteCompute | None, settings: Settings
) -> dict[str, Json]:
    """Work until there was nothing to do for `IDLE_SECONDS`, or a minute is over; what was done."""
    began = worked = services.clock.now()
    relayed = spawned = counted = scheduled = handed_over = 0
    while True:
        due = await schedule_once(services)
        handed = await hand_over_once(services)
        report = await relay_once(services, settings)
        calls = await dispatch_once(services, compute, settings) if compute else None
        events = await services.statistics.advance(limit=EVENTS_AT_ONCE)
        relayed += report.moved
        spawned += calls.spawned if calls else 0
        counted += events
        scheduled += due
        handed_over += handed
        now = services.clock.now()
        if due or handed or report.moved or events or (calls and calls.spawned):
            worked = now
        is_over = (now - began).total_seconds() > AT_MOST_SECONDS
        if is_over or (now - worked).total_seconds() > IDLE_SECONDS:
            return {
                "relayed": relayed,
                "spawned": spawned,
                "counted": counted,
                "scheduled": scheduled,
                "handed_over": handed_over,
            }
        await services.clock.sleep(POLL_SECONDS)
