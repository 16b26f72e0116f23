"""Cancel a job: at once while it waits; a running one is asked to stop."""

from domain.decisions import cancel
from domain.events import Provenance
from domain.identifiers import JobId, UserId
from domain.lifecycle import Status
from domain.ports.event_store import EventStore
from domain.ports.hints import Hints, Topic
from domain.use_cases.command import act
from domain.views import JobView


async def cancel_job(
    store: EventStore,
    hints: Hints,
    *,
    job_id: JobId,
    provenance: Provenance,
    reason: str | None = None,
    on_behalf_of: str | None = None,
    owner: UserId | None = None,
    expected_version: int | None = None,
) -> JobView:
    """The job afterwards: cancelled, or cancelling until its worker has stopped.

    Raises JobNotFound, VersionConflict, and IllegalTransition for a job that has ended or is asked already.
    """
    after = await act(
        store,
        job_id=job_id,
        provenance=provenance,
        decide=lambda job: cancel(job, reason=reason, on_behalf_of=on_behalf_of),
        owner=owner,
        expected_version=expected_version,
    )
    if after.job.status is Status.CANCELLING:
        hints.announce(Topic.CANCELLATION)
    return after
