"""What operators do with queues and limits; each act has a reason, and is an event."""

from collections.abc import Callable

from domain.errors import LimitNotFound, QueueNotFound, StorageUnavailable
from domain.events import Provenance
from domain.job_types import JobTypes
from domain.limits import (
    Kind,
    Limit,
    LimitEvent,
    LimitRemoved,
    LimitSet,
    QueuePaused,
    QueueResumed,
    Scope,
    queue,
)
from domain.ports.hints import Hints, Topic
from domain.ports.limits import Limits

MAX_TRIES = 5


async def find_queue(limits: Limits, types: JobTypes, name: str) -> Limit:
    """The queue of that name; raises QueueNotFound for what is neither a job type nor was ever paused."""
    found = await limits.get(queue(name))
    if found is None and types.find(name) is None:
        raise QueueNotFound(name)
    return found or Limit(queue(name))


async def list_queues(limits: Limits, types: JobTypes) -> list[Limit]:
    """Every job type's queue, and those that are paused though nobody here knows their job type; by name."""
    paused = {limit.scope.name: limit for limit in await limits.active() if limit.scope.kind is Kind.QUEUE}
    names = sorted({*types.names(), *paused})
    return [paused.get(name) or await limits.get(queue(name)) or Limit(queue(name)) for name in names]


async def pause_queue(
    limits: Limits, types: JobTypes, *, name: str, reason: str, provenance: Provenance
) -> Limit:
    """Let nothing more of the queue go; raises QueueNotFound. What is in the job queue already still runs."""
    await find_queue(limits, types, name)

    def decide(before: Limit) -> tuple[Limit, LimitEvent]:
        after = before._replace(is_paused=True, version=before.version + 1)
        return after, QueuePaused(queue=name, version=after.version, reason=reason)

    return await _act(limits, queue(name), decide, provenance)


async def resume_queue(
    limits: Limits, types: JobTypes, hints: Hints, *, name: str, reason: str, provenance: Provenance
) -> Limit:
    """Let the queue go on with all that waits; raises QueueNotFound."""
    await find_queue(limits, types, name)

    def decide(before: Limit) -> tuple[Limit, LimitEvent]:
        after = before._replace(is_paused=False, version=before.version + 1)
        return after, QueueResumed(queue=name, version=after.version, reason=reason)

    after = await _act(limits, queue(name), decide, provenance)
    hints.announce(Topic.OUTBOX)
    return after


async def set_limit(
    limits: Limits, hints: Hints, *, wanted: Limit, reason: str, provenance: Provenance
) -> Limit:
    """Have `wanted` hold for its scope, whole, whatever its version says."""

    def decide(before: Limit) -> tuple[Limit, LimitEvent]:
        after = wanted._replace(version=before.version + 1)
        return after, limit_set(after, reason)

    after = await _act(limits, wanted.scope, decide, provenance)
    hints.announce(Topic.OUTBOX)
    return after


async def remove_limit(
    limits: Limits, hints: Hints, *, scope: Scope, reason: str, provenance: Provenance
) -> None:
    """Let the scope be limited only by what holds for everybody; raises LimitNotFound."""

    def decide(before: Limit) -> tuple[Limit, LimitEvent]:
        if not before.is_active:
            raise LimitNotFound
        after = Limit(scope, before.version + 1)
        return after, LimitRemoved(
            kind=scope.kind.value,
            user_id=scope.user_id,
            group_key=scope.name or None,
            version=after.version,
            reason=reason,
        )

    await _act(limits, scope, decide, provenance)
    hints.announce(Topic.OUTBOX)


def limit_set(limit: Limit, reason: str) -> LimitSet:
    rate = limit.rate
    return LimitSet(
        kind=limit.scope.kind.value,
        user_id=limit.scope.user_id,
        group_key=limit.scope.name or None,
        version=limit.version,
        concurrency=limit.concurrency,
        starts=rate.starts if rate else None,
        per_seconds=rate.per_seconds if rate else None,
        burst=rate.burst if rate else None,
        weight=limit.weight,
        reason=reason,
    )


async def _act(
    limits: Limits,
    scope: Scope,
    decide: Callable[[Limit], tuple[Limit, LimitEvent]],
    provenance: Provenance,
) -> Limit:
    for _ in range(MAX_TRIES):
        after, event = decide(await limits.get(scope) or Limit(scope))
        if await limits.append(after, event, provenance):
            return after
    raise StorageUnavailable("The limit is being changed by many at once.")
