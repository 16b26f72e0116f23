"""Move what is due from the outbox to the queue."""

from datetime import timedelta

from domain.fair_shares import AGING, FAIR_DEPTH
from domain.ports.hints import Hints, Topic
from domain.ports.outbox import Outbox, RelayReport


async def relay_due(
    outbox: Outbox,
    hints: Hints,
    *,
    limit: int,
    max_visible: int,
    names_entries: bool = False,
    max_visible_fairly: int = FAIR_DEPTH,
    aging: timedelta = AGING,
) -> RelayReport:
    """One relay step; workers are told once for the whole batch."""
    report = await outbox.relay(
        limit=limit,
        max_visible=max_visible,
        names_entries=names_entries,
        max_visible_fairly=max_visible_fairly,
        aging=aging,
    )
    if report.moved:
        hints.announce(Topic.QUEUE)
    return report
