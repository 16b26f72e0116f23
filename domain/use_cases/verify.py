"""Compare the read model with the fold of the events."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple

from domain.identifiers import JobId
from domain.ports.event_store import EventStore
from domain.ports.job_views import JobViews
from domain.ports.read_model import ReadModel, Span, StoredJob
from domain.use_cases.command import load
from domain.views import JobView, fold

MAX_TRIES = 5
PAGE = 4000
MAX_SHOWN = 200
EVERYTHING = Span()


class Difference(NamedTuple):
    """What of a job differs: a field, `existence`, or `events` or `view` as a whole where they make no sense.

    `stored` is what the read model has, `folded` what the events amount to, both for people to read.
    """

    job_id: JobId
    field: str
    stored: str
    folded: str


class Compared(NamedTuple):
    """One page's outcome, or that of several."""

    jobs: int
    events: int
    differences: list[Difference]

    def and_then(self, other: "Compared") -> "Compared":
        return Compared(
            self.jobs + other.jobs, self.events + other.events, self.differences + other.differences
        )


NOTHING_YET = Compared(0, 0, [])


async def spans_of(read_model: ReadModel, *, jobs: int) -> list[Span]:
    """All there is, in spans of so many jobs, to be compared each by itself; raises StorageUnavailable."""
    found: list[Span] = []
    after: JobId | None = None
    while through := await read_model.nth(after=after, number=jobs):
        found.append(Span(after, through))
        after = through
    return [*found, Span(after, None)]


async def verify_read_model(
    read_model: ReadModel, *, span: Span = EVERYTHING, page: int = PAGE
) -> AsyncIterator[Compared]:
    """Compare the span's jobs, a page at a time, each page as of one instant; the service may run on.

    Raises StorageUnavailable.
    """
    after = span.after
    while True:
        found = await read_model.page(span=Span(after, span.through), limit=page)
        differences = [difference for job in found.jobs for difference in differences_of(job)]
        yield Compared(len(found.jobs), sum(len(job.events) for job in found.jobs), differences)
        if found.last is None:
            return
        after = found.last


def differences_of(stored: StoredJob) -> list[Difference]:
    """How the job's view differs from its events; empty when it does not."""
    job_id, view = stored.job_id, stored.view
    try:
        folded = fold_stored(stored)
    except ValueError as error:
        return [Difference(job_id, "events", "", str(error))]
    if stored.unreadable_view:
        return [Difference(job_id, "view", stored.unreadable_view, "")]
    if folded == view:
        return []
    if folded is None or view is None:
        there = {True: "there", False: "missing"}
        return [Difference(job_id, "existence", there[view is not None], there[folded is not None])]
    mine, theirs = _fields(view), _fields(folded)
    return [
        Difference(job_id, name, _shown(mine[name]), _shown(theirs[name]))
        for name in _differing(view, folded)
    ]


def fold_stored(stored: StoredJob) -> JobView | None:
    """The view that the job's events amount to, None without any.

    Raises ValueError, which says why, when they are no whole history.
    """
    if stored.unreadable_events:
        raise ValueError(stored.unreadable_events)
    for due, recorded in enumerate(stored.events, start=1):
        if recorded.version != due:
            raise ValueError(f"version {recorded.version} stands where {due} is due")
    try:
        return fold(stored.events)
    except TypeError as error:
        raise ValueError(str(error)) from error


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
            return _differing(view, folded)
    return ["version"]


async def verify_jobs(
    store: EventStore, views: JobViews, *, job_ids: Sequence[JobId]
) -> dict[JobId, list[str]]:
    """Each job whose view differs from its events, with the fields that do."""
    found = {}
    for job_id in job_ids:
        if differing := await differing_fields(store, views, job_id=job_id):
            found[job_id] = differing
    return found


def _differing(view: JobView, folded: JobView) -> list[str]:
    mine, theirs = _fields(view), _fields(folded)
    return [name for name in mine if mine[name] != theirs[name]]


def _fields(view: JobView) -> dict[str, Any]:
    fields = view._asdict() | view.job._asdict()
    del fields["job"]
    return fields


def _shown(value: object) -> str:
    text = str(value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"
