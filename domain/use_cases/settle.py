"""Write down how attempts ended, each together with the deletion of its message."""

from collections.abc import Sequence
from typing import NamedTuple, assert_never

from domain import decisions
from domain.attempts import AlreadySettled, Attempt, Completed, Failed, GivenUp, Outcome, Released, Stopped
from domain.events import Actor, ActorKind, Cause, JobEvent, LateResultRejected, Provenance
from domain.identifiers import WorkerId
from domain.job import Job
from domain.job_types import JobTypes
from domain.lifecycle import LEADS_TO, WAITING
from domain.ports.event_store import Appended, Change, EventStore
from domain.ports.hints import Hints, Topic
from domain.ports.job_views import JobViews
from domain.ports.system import Clock, Randomness


class Finished(NamedTuple):
    """An outcome to write; `command_id` tells whether it was written when the answer got lost."""

    attempt: Attempt
    outcome: Outcome
    command_id: str


async def settle(
    store: EventStore,
    views: JobViews,
    hints: Hints,
    types: JobTypes,
    clock: Clock,
    randomness: Randomness,
    *,
    worker_id: WorkerId,
    finished: Sequence[Finished],
) -> None:
    """Append each outcome.

    An outcome that lost to another change of its job (a cancellation, say) is decided again on the job as
    it is now; one whose attempt was given up meanwhile is recorded as a late result, and not applied.
    """
    actor = Actor(ActorKind.WORKER, worker_id)
    waiting = [item for item in finished if not isinstance(item.outcome, AlreadySettled | GivenUp)]
    # Who asked a job to stop moved it on; deciding needs the job as it is since then.
    await _reload(views, [item for item in waiting if item.attempt.stopped_for])
    while waiting:
        changes: list[Change] = []
        writing: list[Finished] = []
        for item in waiting:
            event = _decide(item, types, randomness, clock)
            if event is None:
                continue
            provenance = Provenance(
                actor=actor,
                command_id=item.command_id,
                traceparent=item.attempt.view.traceparent,
            )
            writing.append(item)
            is_late = isinstance(event, LateResultRejected)
            changes.append(
                Change(
                    job_id=item.attempt.job_id,
                    before=item.attempt.view,
                    event=event,
                    provenance=provenance,
                    settles=None if is_late else item.attempt.lease.msg_id,
                )
            )
        outcomes = await store.append(changes) if changes else []
        lost = []
        for item, outcome in zip(writing, outcomes, strict=True):
            if not isinstance(outcome, Appended):
                lost.append(item)
            elif LEADS_TO[type(outcome.change.event)] in WAITING:
                hints.announce(Topic.OUTBOX)
        waiting = [item for item in lost if not await _was_written(store, item)]
        await _reload(views, waiting)


async def _was_written(store: EventStore, item: Finished) -> bool:
    version = item.attempt.view.job.version
    events = await store.read_stream(item.attempt.job_id, after_version=version, limit=1)
    return bool(events) and events[0].provenance.command_id == item.command_id


async def _reload(views: JobViews, items: Sequence[Finished]) -> None:
    current = await views.get_many([item.attempt.job_id for item in items]) if items else {}
    for item in items:
        item.attempt.view = current[item.attempt.job_id]


def _decide(item: Finished, types: JobTypes, randomness: Randomness, clock: Clock) -> JobEvent | None:
    """What to append; None for an attempt that was given up and has nothing to report."""
    attempt, job = item.attempt, item.attempt.view.job
    if decisions.owns(job, attempt=attempt.number, lease=attempt.lease):
        return _event(job, item.outcome, types, randomness, clock)
    if isinstance(item.outcome, Completed | Failed):
        return decisions.reject_late_result(job, attempt=attempt.number, outcome=item.outcome)
    return None


def _event(job: Job, outcome: Outcome, types: JobTypes, randomness: Randomness, clock: Clock) -> JobEvent:
    match outcome:
        case Completed():
            return decisions.complete(job, result=outcome.result, data_references=outcome.data_references)
        case Failed():
            return decisions.fail(
                job,
                error=outcome.error,
                cause=outcome.cause,
                policy=types.policy_of(job.job_type),
                chance=randomness.chance(),
                at=clock.now(),
                retry_after_seconds=outcome.retry_after_seconds,
            )
        case Stopped():
            return decisions.confirm_cancellation(job)
        case Released():
            return decisions.release(job, cause=Cause.DEPLOYED)
        case AlreadySettled() | GivenUp():
            raise AssertionError("nothing is left to decide")
    assert_never(outcome)
