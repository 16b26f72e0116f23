"""Hand due jobs to remote compute, one call an attempt."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from domain import decisions
from domain.errors import ComputeUnavailable
from domain.events import Actor, ActorKind, Provenance
from domain.fair_shares import AGING
from domain.ports.dispatches import Dispatches
from domain.ports.event_store import Change, EventStore
from domain.ports.job_queue import Delivery, HeldLease, JobQueue
from domain.ports.remote_compute import Call, RemoteCompute
from domain.ports.system import Ids
from domain.views import JobView

DISPATCHER = Actor(ActorKind.SYSTEM, "dispatcher")
AGAIN_SECONDS = 5
"""How soon a call that may not have been made is made again."""


class DispatchReport(NamedTuple):
    """What one step did; `failed` calls were refused, or not answered in time, and are made again."""

    spawned: int = 0
    failed: int = 0

    def plus(self, other: "DispatchReport") -> "DispatchReport":
        return DispatchReport(self.spawned + other.spawned, self.failed + other.failed)


async def dispatch_due(
    dispatches: Dispatches,
    queue: JobQueue,
    store: EventStore,
    compute: RemoteCompute,
    ids: Ids,
    *,
    limit: int,
    max_unclaimed: int,
    claim_seconds: int,
    aging: timedelta = AGING,
) -> DispatchReport:
    """Call for up to `limit` due jobs, while fewer than `max_unclaimed` calls wait for their claim."""
    handed = await dispatches.hand_over(
        compute=compute.name,
        limit=limit,
        max_unclaimed=max_unclaimed,
        claim_seconds=claim_seconds,
        aging=aging,
    )
    return await spawn_calls(queue, store, compute, ids, deliveries=handed)


async def spawn_calls(
    queue: JobQueue, store: EventStore, compute: RemoteCompute, ids: Ids, *, deliveries: Sequence[Delivery]
) -> DispatchReport:
    """Make a call for each job that still waits, and record it as AttemptDispatched.

    The record may come too late: a container that has claimed by then has recorded its call itself.
    """
    waiting = [(item, item.view) for item in deliveries if item.view and item.view.job.is_waiting]
    over = [item.lease for item in deliveries if not (item.view and item.view.job.is_waiting)]
    if over:
        await queue.delete(over)
    answers = await asyncio.gather(*(_spawn(compute, item, view) for item, view in waiting))
    changes: list[Change] = []
    unheard: list[HeldLease] = []
    provenance = Provenance(actor=DISPATCHER, command_id=ids.command_id())
    for (item, view), call_id in zip(waiting, answers, strict=True):
        if call_id is None:
            unheard.append(item.lease)
            continue
        event = decisions.dispatch(view.job, compute=compute.name, call_id=call_id)
        by = provenance._replace(traceparent=view.traceparent)
        changes.append(Change(job_id=view.job.id, before=view, event=event, provenance=by))
    if unheard:
        await queue.extend(unheard, lease_seconds=AGAIN_SECONDS)
    if changes:
        await store.append(changes)
    return DispatchReport(spawned=len(changes), failed=len(unheard))


async def _spawn(compute: RemoteCompute, delivery: Delivery, view: JobView) -> str | None:
    job = view.job
    call = Call(
        job_id=job.id,
        job_type=job.job_type,
        user_id=job.user_id,
        job_parameters=view.job_parameters,
        msg_id=delivery.msg_id,
        read_ct=delivery.read_ct,
    )
    try:
        return await compute.spawn(call)
    except ComputeUnavailable:
        return None
