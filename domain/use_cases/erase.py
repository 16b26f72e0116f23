"""Forget what is personal about an ended job."""

from domain import decisions
from domain.events import Provenance
from domain.identifiers import JobId
from domain.ports.event_store import EventStore
from domain.use_cases.command import act
from domain.views import JobView


async def erase_job(store: EventStore, *, job_id: JobId, provenance: Provenance, reason: str) -> JobView:
    """The job afterwards: its payloads are gone, its history stands, and every proof of it still verifies.

    Raises JobNotFound, VersionConflict, and IllegalTransition for a job that has not ended.
    """
    return await act(
        store, job_id=job_id, provenance=provenance, decide=lambda job: decisions.erase(job, basis=reason)
    )
