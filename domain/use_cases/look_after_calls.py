"""Find calls on remote compute that came to nothing: never claimed, or claimed and silent since."""

import asyncio
from collections.abc import Sequence

from domain import decisions
from domain.errors import ComputeUnavailable
from domain.events import Cause, JobError, JobEvent, Provenance
from domain.job import Job
from domain.job_types import JobTypes
from domain.ports.dispatches import Dispatches
from domain.ports.event_store import Appended, Change, EventStore
from domain.ports.hints import Hints, Topic
from domain.ports.job_queue import Delivery, JobQueue
from domain.ports.remote_compute import Fate, RemoteCompute
from domain.ports.system import Clock, Ids, Randomness
from domain.use_cases.claim import unworkable
from domain.use_cases.dispatch import DISPATCHER, DispatchReport, spawn_calls

CAUSES = {
    Fate.NOT_FINISHED: Cause.LEASE_LAPSED,
    Fate.FINISHED: Cause.LEASE_LAPSED,
    Fate.FORGOTTEN: Cause.LEASE_LAPSED,
    Fate.RAISED: Cause.CRASHED,
    Fate.BROKEN: Cause.CRASHED,
    Fate.TIMED_OUT: Cause.TIMED_OUT,
}
"""What a silent attempt ended of, by what its compute tells of the call."""


async def look_after_calls(
    dispatches: Dispatches,
    queue: JobQueue,
    store: EventStore,
    compute: RemoteCompute,
    hints: Hints,
    types: JobTypes,
    clock: Clock,
    ids: Ids,
    randomness: Randomness,
    *,
    limit: int,
    hold_seconds: int,
) -> DispatchReport:
    """Take up to `limit` messages whose time is up, each by what became of its job and of its call.

    A call that is still waiting for a container goes on waiting; one that never came to a claim is made
    again; an attempt that went silent is given up, with the cause that its compute tells, and a call of it
    that still runs is stopped.
    """
    again: list[Delivery] = []
    silent: list[Delivery] = []
    for delivery in await dispatches.hold_lapsed(limit=limit, hold_seconds=hold_seconds):
        view = delivery.view
        if view is None:
            await queue.park(delivery, error=unworkable(delivery))
        elif view.job.lease and view.job.lease.msg_id == delivery.msg_id:
            silent.append(delivery)
        elif view.job.is_waiting:
            again.append(delivery)
        else:
            await queue.delete([delivery.lease])
            if view.job.has_ended:
                await _terminate(compute, view.job)
    await _give_up(store, compute, hints, types, clock, ids, randomness, silent)
    fates = await _fates(compute, again)
    lost = [
        delivery
        for delivery, fate in zip(again, fates, strict=True)
        # What was taken once cannot be claimed by the call that was told the fence of before.
        if fate is not Fate.NOT_FINISHED or delivery.read_ct > 0
    ]
    return await spawn_calls(queue, store, compute, ids, deliveries=lost)


async def _give_up(
    store: EventStore,
    compute: RemoteCompute,
    hints: Hints,
    types: JobTypes,
    clock: Clock,
    ids: Ids,
    randomness: Randomness,
    silent: Sequence[Delivery],
) -> None:
    fates = await _fates(compute, silent)
    changes: list[Change] = []
    provenance = Provenance(actor=DISPATCHER, command_id=ids.command_id())
    for delivery, fate in zip(silent, fates, strict=True):
        if view := delivery.view:
            event = _end(view.job, fate, types, clock, randomness)
            by = provenance._replace(traceparent=view.traceparent)
            changes.append(Change(view.job.id, view, event, by, settles=delivery.msg_id))
    outcomes = await store.append(changes) if changes else []
    for change, outcome, fate in zip(changes, outcomes, fates, strict=True):
        # One that lost its race was only slow: its worker wrote something.
        if isinstance(outcome, Appended) and fate is Fate.NOT_FINISHED and change.before:
            await _terminate(compute, change.before.job)
    if changes:
        hints.announce(Topic.OUTBOX)


def _end(job: Job, fate: Fate, types: JobTypes, clock: Clock, randomness: Randomness) -> JobEvent:
    policy, chance, at = types.policy_of(job.job_type), randomness.chance(), clock.now()
    cause = CAUSES[fate]
    if cause is Cause.TIMED_OUT:
        error = JobError(type="TimeoutError", message="The attempt took longer than its compute allows.")
        return decisions.fail(job, error=error, cause=cause, policy=policy, chance=chance, at=at)
    return decisions.lose(job, cause=cause, policy=policy, chance=chance, at=at)


async def _fates(compute: RemoteCompute, deliveries: Sequence[Delivery]) -> list[Fate]:
    return list(await asyncio.gather(*(_fate(compute, item.view.job) for item in deliveries if item.view)))


async def _fate(compute: RemoteCompute, job: Job) -> Fate:
    if job.call_id is None:
        return Fate.FORGOTTEN
    try:
        return await compute.fate(job.call_id)
    except ComputeUnavailable:
        # Then it cannot be asked for another call either; a silent attempt is lost all the same.
        return Fate.NOT_FINISHED if job.is_waiting else Fate.FORGOTTEN


async def _terminate(compute: RemoteCompute, job: Job) -> None:
    if job.call_id is None:
        return
    try:
        await compute.terminate(job.call_id)
    except ComputeUnavailable:
        # It ends by itself: without a lease it finds nothing to do and can write nothing.
        return
