"""Give up the attempts of worker processes that are known to be gone, without waiting for their leases."""

from collections.abc import Sequence

from domain import decisions
from domain.events import Cause, Provenance
from domain.identifiers import WorkerId
from domain.job_types import JobTypes
from domain.ports.event_store import Appended, Change, EventStore
from domain.ports.hints import Hints, Topic
from domain.ports.recovery import Recovery
from domain.ports.system import Clock, Randomness
from domain.views import JobView

AT_ONCE = 500


async def settle_crashed(
    recovery: Recovery,
    store: EventStore,
    hints: Hints,
    types: JobTypes,
    clock: Clock,
    randomness: Randomness,
    *,
    gone: Sequence[WorkerId],
    provenance: Provenance,
) -> int:
    """Record each live attempt of the workers as crashed; how many there were.

    Only for processes that have exited: nothing of them runs any more. What one had sent to the database in
    its last moment counts if it gets there first; else its job has moved on, and it is not written. What it
    claimed in that moment, unseen here, is left to its lease. Raises StorageUnavailable.
    """
    settled = 0
    left_behind = await recovery.attempts_of(gone)
    for first in range(0, len(left_behind), AT_ONCE):
        changes = [
            _crashed(view, types, clock, randomness, provenance)
            for view in left_behind[first : first + AT_ONCE]
        ]
        outcomes = await store.append(changes)
        settled += sum(isinstance(outcome, Appended) for outcome in outcomes)
    if settled:
        hints.announce(Topic.OUTBOX)
    return settled


def _crashed(
    view: JobView, types: JobTypes, clock: Clock, randomness: Randomness, provenance: Provenance
) -> Change:
    event = decisions.lose(
        view.job,
        cause=Cause.CRASHED,
        policy=types.policy_of(view.job.job_type),
        chance=randomness.chance(),
        at=clock.now(),
    )
    lease = view.job.lease
    return Change(
        job_id=view.job.id,
        before=view,
        event=event,
        provenance=provenance._replace(traceparent=view.traceparent),
        settles=lease.msg_id if lease else None,
    )
