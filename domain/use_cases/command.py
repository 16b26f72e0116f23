"""The shape that every command on an existing job has: load, decide, append, and again when it lost."""

from collections.abc import Callable
from typing import NamedTuple

from domain.errors import JobNotFound, UniqueKeyHeld, VersionConflict
from domain.events import JobEvent, Provenance
from domain.identifiers import JobId, UserId
from domain.job import Job
from domain.ports.event_store import Appended, Change, EventStore, KeyTaken
from domain.views import JobView, fold

MAX_TRIES = 8
PAGE = 1000


class Caller(NamedTuple):
    """Whose things a user's command is about, and who acts on them."""

    user_id: UserId
    provenance: Provenance


async def load(store: EventStore, job_id: JobId) -> JobView | None:
    """The job as its whole stream tells it."""
    events = page = await store.read_stream(job_id, limit=PAGE)
    while len(page) == PAGE:
        page = await store.read_stream(job_id, after_version=page[-1].version, limit=PAGE)
        events += page
    return fold(events)


async def act(
    store: EventStore,
    *,
    job_id: JobId,
    provenance: Provenance,
    decide: Callable[[Job], JobEvent],
    owner: UserId | None = None,
    expected_version: int | None = None,
) -> JobView:
    """Do one thing to one job and return the job after it.

    Raises JobNotFound when there is no such job of `owner` (None: anybody's), VersionConflict when it is
    not at `expected_version` or keeps moving, UniqueKeyHeld when it would need a unique key that another
    job holds by now, and whatever `decide` raises.
    """
    for _ in range(MAX_TRIES):
        before = await load(store, job_id)
        if before is None or owner not in (None, before.job.user_id):
            raise JobNotFound(job_id)
        version = before.job.version
        if expected_version not in (None, version):
            raise VersionConflict(job_id, expected=expected_version or 0, actual=version)
        event = decide(before.job)
        change = Change(job_id=job_id, before=before, event=event, provenance=provenance)
        (outcome,) = await store.append([change])
        if isinstance(outcome, Appended):
            return outcome.after
        if isinstance(outcome, KeyTaken):
            raise UniqueKeyHeld(outcome.holder.job.id)
    raise VersionConflict(job_id, expected=version)
