"""Try a failed or cancelled job once more, by hand."""

from domain.decisions import retry
from domain.events import Provenance
from domain.identifiers import JobId, UserId
from domain.ports.event_store import EventStore
from domain.ports.hints import Hints, Topic
from domain.use_cases.command import act
from domain.views import JobView


async def retry_job(
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
    """The job, pending again with fresh budgets.

    Raises JobNotFound, VersionConflict, and IllegalTransition unless the job failed or was cancelled.
    """
    after = await act(
        store,
        job_id=job_id,
        provenance=provenance,
        decide=lambda job: retry(job, reason=reason, on_behalf_of=on_behalf_of),
        owner=owner,
        expected_version=expected_version,
    )
    hints.announce(Topic.OUTBOX)
    return after
