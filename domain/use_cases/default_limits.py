"""Have the limits of the settings hold for everybody who has none of their own."""

from collections.abc import Sequence

from domain.events import Actor, ActorKind, Provenance
from domain.limits import Limit
from domain.ports.hints import Hints
from domain.ports.limits import Limits
from domain.ports.system import Ids
from domain.use_cases.limits import remove_limit, set_limit

SETTINGS = Actor(ActorKind.SYSTEM, "settings")
REASON = "the settings say so"


async def keep_default_limits(limits: Limits, hints: Hints, ids: Ids, *, wanted: Sequence[Limit]) -> None:
    """Set what the settings want and what differs; take back what only they had set and want no more.

    What an operator set stays where the settings say nothing.
    """
    for limit in wanted:
        found = await limits.get(limit.scope) or Limit(limit.scope)
        if found._replace(version=0) == limit:
            continue
        provenance = Provenance(actor=SETTINGS, command_id=ids.command_id())
        if limit.is_active:
            await set_limit(limits, hints, wanted=limit, reason=REASON, provenance=provenance)
        elif (await limits.history(limit.scope))[-1].actor == SETTINGS:
            await remove_limit(limits, hints, scope=limit.scope, reason=REASON, provenance=provenance)
