"""Record how far running attempts are, coalesced."""

from collections.abc import Sequence

from domain import decisions
from domain.attempts import Attempt
from domain.events import Actor, ActorKind, Provenance
from domain.identifiers import WorkerId
from domain.lifecycle import RUNNING
from domain.ports.event_store import Appended, Change, EventStore
from domain.ports.job_views import JobViews
from domain.ports.system import Ids


async def report_progress(
    store: EventStore, views: JobViews, ids: Ids, *, worker_id: WorkerId, attempts: Sequence[Attempt]
) -> None:
    """Append the latest progress of each attempt; one that lost a race says it the next time."""
    command_id = ids.command_id()
    changes = []
    reporting = []
    for attempt in attempts:
        progress, attempt.progress = attempt.progress, None
        if progress is None or attempt.view.job.status not in RUNNING:
            continue
        provenance = Provenance(
            actor=Actor(ActorKind.WORKER, worker_id),
            command_id=command_id,
            traceparent=attempt.view.traceparent,
        )
        event = decisions.report_progress(attempt.view.job, progress=progress)
        changes.append(Change(job_id=attempt.job_id, before=attempt.view, event=event, provenance=provenance))
        reporting.append((attempt, progress))
    if not changes:
        return
    stale = []
    for (attempt, progress), outcome in zip(reporting, await store.append(changes), strict=True):
        if isinstance(outcome, Appended):
            attempt.view = outcome.after
        else:
            attempt.progress = attempt.progress or progress
            stale.append(attempt)
    current = await views.get_many([attempt.job_id for attempt in stale]) if stale else {}
    for attempt in stale:
        fresh = current[attempt.job_id]
        # Another attempt's job is not ours to report on.
        if fresh.job.lease == attempt.lease:
            attempt.view = fresh
