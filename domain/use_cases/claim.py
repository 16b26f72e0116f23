"""Take messages from the queue and make them attempts, or put them out of the way."""

from collections.abc import Collection, Sequence
from datetime import datetime

from domain import claims, decisions, isolation
from domain.attempts import Attempt
from domain.claims import Claimer
from domain.events import AttemptStarted, Cause
from domain.identifiers import JobId
from domain.job import Lease
from domain.job_types import JobTypes
from domain.lifecycle import RUNNING
from domain.ports.event_store import Appended, Change, EventStore
from domain.ports.hints import Hints, Topic
from domain.ports.job_queue import Delivery, HeldLease, JobQueue
from domain.ports.system import Clock, Ids, Randomness
from domain.views import JobView


async def claim(
    store: EventStore,
    queue: JobQueue,
    hints: Hints,
    types: JobTypes,
    clock: Clock,
    ids: Ids,
    randomness: Randomness,
    *,
    claimer: Claimer,
    limit: int,
    lease_seconds: int,
) -> list[Attempt]:
    """Receive up to `limit` messages and start an attempt for each that can start now.

    A message whose job waits starts an attempt, unless it must be isolated: then it is set apart. One whose
    job is running under an earlier delivery of the same message shows that its worker is gone: that attempt
    is lost, and the job waits again. One whose job has ended, or runs under another message, is deleted. One
    that cannot be parsed is parked. Who loses a race touches nothing: the message is the winner's lease.
    """
    command_id = ids.command_id()
    claimed = await queue.start_waiting(
        limit=limit, lease_seconds=lease_seconds, claimer=claimer, command_id=command_id
    )
    attempts = [Attempt(view, lease) for view in claimed.started if (lease := view.job.lease)]
    others = await set_apart(queue, claimed.others)
    if not others:
        return attempts
    started = {attempt.job_id for attempt in attempts}
    return attempts + await take_up(
        store, queue, hints, types, clock, randomness,
        claimer=claimer, command_id=command_id, deliveries=others, started=started,
    )  # fmt: skip


async def take_up(
    store: EventStore,
    queue: JobQueue,
    hints: Hints,
    types: JobTypes,
    clock: Clock,
    randomness: Randomness,
    *,
    claimer: Claimer,
    command_id: str,
    deliveries: Sequence[Delivery],
    started: Collection[JobId] = (),
) -> list[Attempt]:
    """Make of each delivery what its job asks for, as `claim` says; the jobs `started` are left alone."""
    changes: list[Change] = []
    finished: list[HeldLease] = []
    seen = set(started)
    for delivery in deliveries:
        view = delivery.view
        if view is None:
            await queue.park(delivery, error=unworkable(delivery))
            continue
        if view.job.id in seen:
            # A job that was cancelled and retried has two messages; the second one is looked at when it
            # comes again, since what becomes of the first is not known yet.
            continue
        seen.add(view.job.id)
        if view.job.is_waiting:
            lease = Lease(claimer.worker_id, delivery.msg_id, delivery.read_ct)
            changes.append(claims.start(view, lease=lease, claimer=claimer, command_id=command_id))
        elif is_lapsed(view, delivery):
            at, chance = clock.now(), randomness.chance()
            changes.append(lost(view, delivery, types, claimer, command_id, chance=chance, at=at))
        else:
            finished.append(delivery.lease)
    if finished:
        await queue.delete(finished)
    return await _started(store, hints, changes)


async def set_apart(
    queue: JobQueue, deliveries: Sequence[Delivery], *, chances_left: int | None = None
) -> list[Delivery]:
    """Set apart those whose jobs wait and must be isolated, unless with `chances_left`; the rest of them."""
    leases = {}
    for delivery in deliveries:
        job = delivery.view.job if delivery.view else None
        if job and job.is_waiting and isolation.must_be_isolated(job):
            leases[delivery.lease] = isolation.chances_left(job)
    leases = {lease: chances for lease, chances in leases.items() if chances != chances_left}
    if leases:
        await queue.set_apart(leases)
    return [delivery for delivery in deliveries if delivery.lease not in leases]


async def _started(store: EventStore, hints: Hints, changes: Sequence[Change]) -> list[Attempt]:
    outcomes = await store.append(changes) if changes else []
    attempts = []
    for change, outcome in zip(changes, outcomes, strict=True):
        # A stale change lost to a cancellation or another worker; its message comes again.
        if not isinstance(outcome, Appended):
            continue
        lease = outcome.after.job.lease
        if isinstance(change.event, AttemptStarted) and lease:
            attempts.append(Attempt(view=outcome.after, lease=lease))
    if len(attempts) < len(outcomes):
        hints.announce(Topic.OUTBOX)
    return attempts


def lost(
    view: JobView,
    delivery: Delivery,
    types: JobTypes,
    claimer: Claimer,
    command_id: str,
    *,
    chance: float,
    at: datetime,
) -> Change:
    """The change that gives up an attempt whose lease lapsed, and the message with it."""
    policy = types.policy_of(view.job.job_type)
    return Change(
        job_id=view.job.id,
        before=view,
        event=decisions.lose(view.job, cause=Cause.LEASE_LAPSED, policy=policy, chance=chance, at=at),
        provenance=claims.provenance_of(claimer, view=view, command_id=command_id),
        settles=delivery.msg_id,
    )


def is_lapsed(view: JobView, delivery: Delivery) -> bool:
    """Whether the job runs under an earlier delivery of this message: its worker is gone."""
    lease = view.job.lease
    return (
        view.job.status in RUNNING
        and lease is not None
        and lease.msg_id == delivery.msg_id
        and lease.read_ct < delivery.read_ct
    )


def unworkable(delivery: Delivery) -> str:
    """What is wrong with a message that has no job."""
    if delivery.job_id is None:
        return "The message names no job."
    return f"There is no job {delivery.job_id}."
