"""The first act of a call on remote compute: claim the job that it was told, or leave."""

from domain import claims, decisions
from domain.attempts import Attempt
from domain.claims import Claimer
from domain.job import Lease
from domain.job_types import JobTypes
from domain.ports.dispatches import Dispatches
from domain.ports.event_store import Appended, Change, EventStore
from domain.ports.hints import Hints, Topic
from domain.ports.job_queue import Delivery, HeldLease, JobQueue
from domain.ports.job_views import JobViews
from domain.ports.system import Clock, Ids, Randomness
from domain.use_cases.claim import is_lapsed, lost, unworkable
from domain.views import JobView


async def claim_dispatched(
    store: EventStore,
    views: JobViews,
    queue: JobQueue,
    dispatches: Dispatches,
    hints: Hints,
    types: JobTypes,
    clock: Clock,
    ids: Ids,
    randomness: Randomness,
    *,
    claimer: Claimer,
    told: HeldLease,
    call_id: str | None,
    lease_seconds: int,
) -> Attempt | None:
    """Start the attempt under the message that the call was told; None when it has nothing to do.

    A call may be delivered twice, and a job may be called twice: who takes the message first wins, and the
    others leave without a trace. A call that the dispatcher never heard of (its answer got lost) or has not
    recorded yet records itself first.
    """
    delivery = await dispatches.take(told, lease_seconds=lease_seconds)
    if delivery is None:
        return None
    command_id = ids.command_id()
    view = delivery.view
    while view is not None and view.job.is_waiting:
        change = _next_change(view, delivery, claimer, call_id, command_id)
        (outcome,) = await store.append([change])
        if not isinstance(outcome, Appended):
            # A cancellation, or the dispatcher's own record of this call.
            view = await views.get(view.job.id)
            continue
        view = outcome.after
        if view.job.lease:
            # One call fewer waits for its claim: there is a place for another.
            hints.announce(Topic.OUTBOX)
            return Attempt(view, view.job.lease)
    if view is None:
        await queue.park(delivery, error=unworkable(delivery))
    elif is_lapsed(view, delivery):
        chance, at = randomness.chance(), clock.now()
        await store.append([lost(view, delivery, types, claimer, command_id, chance=chance, at=at)])
        hints.announce(Topic.OUTBOX)
    else:
        await queue.delete([delivery.lease])
    return None


def _next_change(
    view: JobView, delivery: Delivery, claimer: Claimer, call_id: str | None, command_id: str
) -> Change:
    if call_id in (None, view.job.call_id):
        lease = Lease(claimer.worker_id, delivery.msg_id, delivery.read_ct)
        return claims.start(view, lease=lease, claimer=claimer, command_id=command_id)
    return Change(
        job_id=view.job.id,
        before=view,
        event=decisions.dispatch(view.job, compute=claimer.compute, call_id=call_id or ""),
        provenance=claims.provenance_of(claimer, view=view, command_id=command_id),
    )
