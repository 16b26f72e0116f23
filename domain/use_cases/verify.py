"""Compare the read model with the fold of the events."""

from collections.abc import Sequence

from domain.identifiers import JobId
from domain.ports.event_store import EventStore
from domain.ports.job_views import JobViews
from domain.use_cases.command import load
from domain.views import JobView

MAX_TRIES = 5


async def differing_fields(store: EventStore, views: JobViews, *, job_id: JobId) -> list[str]:
    """The names of the fields in which the job's view is not the fold of its stream; empty when it is.

    The two are read one after the other; a job that moves in between is read again.
    """
    for _ in range(MAX_TRIES):
        folded = await load(store, job_id)
        view = await views.get(job_id)
        if folded is None or view is None:
            return [] if folded is view else ["existence"]
        if folded.job.version == view.job.version:
            return _differences(view, folded)
    return ["version"]


def _differences(view: JobView, folded: JobView) -> list[str]:
    mine = view._asdict() | view.job._asdict()
    theirs = folded._asdict() | folded.job._asdict()
    return [name for name in mine if name != "job" and mine[name] != theirs[name]]


async def verify_jobs(
    store: EventStore, views: JobViews, *, job_ids: Sequence[JobId]
) -> dict[JobId, list[str]]:
    """Each job whose view differs from its events, with the fields that do."""
    found = {}
    for job_id in job_ids:
        if differing := await differing_fields(store, views, job_id=job_id):
            found[job_id] = differing
    return found
