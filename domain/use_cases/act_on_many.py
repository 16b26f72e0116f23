"""Do one thing to many jobs: first show exactly what would happen, then do exactly that."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from domain.errors import IllegalTransition, JobledgerError, JobNotFound, UniqueKeyHeld, VersionConflict
from domain.events import JobEvent, Provenance
from domain.identifiers import JobId, UserId
from domain.job import Job
from domain.lifecycle import LEADS_TO, Act, Status, allowed
from domain.ports.event_store import Appended, Change, EventStore, KeyTaken
from domain.ports.hints import Hints, Topic
from domain.ports.job_views import JobFilter, JobViews
from domain.views import JobView


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A job at the version at which somebody looked at it."""

    job_id: JobId
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What happens to one job: the event, and where it leads, or why nothing does.

    `is_done` says that it did happen; before that it is what would.
    """

    target: Target
    status: Status | None = None
    event: JobEvent | None = None
    becomes: Status | None = None
    refusal: JobledgerError | None = None
    is_done: bool = False


async def find_targets(
    views: JobViews, *, which: JobFilter, act: Act, limit: int
) -> tuple[list[Target], bool]:
    """Jobs that the filter finds and the act can be done to, newest first, and whether these are all."""
    possible = frozenset(status for status in which.statuses or Status if allowed(status, act))
    if not possible:
        return [], True
    found = await views.newest(replace(which, statuses=possible), limit=limit, look=None)
    targets = [Target(job_id=view.job.id, version=view.job.version) for view in found.views]
    return targets, found.following is None


async def act_on_many(
    store: EventStore,
    views: JobViews,
    hints: Hints,
    *,
    targets: Sequence[Target],
    decide: Callable[[Job], JobEvent],
    provenance: Provenance,
    owner: UserId | None = None,
    dry_run: bool,
) -> list[Step]:
    """A step for each target, in order; each costs itself only.

    Refusals are JobNotFound for what is no job of `owner`, VersionConflict for one that moved on since it was
    looked at, UniqueKeyHeld, and IllegalTransition. Raises StorageUnavailable.
    """
    known = await views.get_many([target.job_id for target in targets])
    steps = [_step(target, known.get(target.job_id), decide, owner) for target in targets]
    if dry_run:
        return steps
    changes = {
        place: Change(
            job_id=step.target.job_id,
            before=known[step.target.job_id],
            event=step.event,
            provenance=provenance,
        )
        for place, step in enumerate(steps)
        if step.event
    }
    outcomes = await store.append(list(changes.values())) if changes else []
    for place, outcome in zip(changes, outcomes, strict=True):
        step = steps[place]
        match outcome:
            case Appended():
                steps[place] = replace(step, is_done=True)
            case KeyTaken(holder):
                steps[place] = replace(step, refusal=UniqueKeyHeld(holder.job.id))
            case _:
                moved_on = VersionConflict(step.target.job_id, expected=step.target.version)
                steps[place] = replace(step, refusal=moved_on)
    for topic in (Topic.OUTBOX, Topic.CANCELLATION):
        hints.announce(topic)
    return steps


def _step(
    target: Target, view: JobView | None, decide: Callable[[Job], JobEvent], owner: UserId | None
) -> Step:
    if view is None or owner not in (None, view.job.user_id):
        return Step(target=target, refusal=JobNotFound(target.job_id))
    job = view.job
    if job.version != target.version:
        moved_on = VersionConflict(job.id, expected=target.version, actual=job.version)
        return Step(target=target, status=job.status, refusal=moved_on)
    try:
        event = decide(job)
    except IllegalTransition as refusal:
        return Step(target=target, status=job.status, refusal=refusal)
    return Step(target=target, status=job.status, event=event, becomes=LEADS_TO[type(event)])
