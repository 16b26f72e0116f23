"""Make the read model anew from the events, beside the one in use, and put it into its place."""

from collections.abc import Callable
from typing import NamedTuple

from domain.errors import NotRebuilt
from domain.identifiers import JobId
from domain.ports.read_model import ReadModel, Rebuilding, Span, StoredJob
from domain.use_cases.verify import fold_stored
from domain.views import JobView

PAGE = 4000
# So few that catching up while everybody waits takes milliseconds.
FEW_MOVED = 50
MAX_ROUNDS = 20


class Rebuilt(NamedTuple):
    """`repaired` are the jobs whose view was not what their events say."""

    jobs: int
    events: int
    repaired: list[JobId]


async def rebuild_read_model(
    read_model: ReadModel, rebuilding: Rebuilding, *, told: Callable[[int], None], page: int = PAGE
) -> Rebuilt:
    """Fold all jobs, catch up with those that moved meanwhile, compare, and swap; the service runs on.

    `told` hears how many jobs are done. Raises NotRebuilt when a history cannot be folded, or the swap's
    turn does not come, and StorageUnavailable; the read model in use is then as it was.
    """
    jobs = events = 0
    async with rebuilding() as rebuild:
        after: JobId | None = None
        while True:
            found = await read_model.page(span=Span(after), limit=page)
            views = [view for job in found.jobs if (view := folded(job))]
            await rebuild.put(views)
            jobs += len(views)
            events += sum(len(job.events) for job in found.jobs)
            told(jobs)
            if found.last is None:
                break
            after = found.last
        for _ in range(MAX_ROUNDS):
            if await rebuild.catch_up() <= FEW_MOVED:
                break
        repaired = await rebuild.differing()
        await rebuild.swap()
    return Rebuilt(jobs, events, repaired)


def folded(stored: StoredJob) -> JobView | None:
    """The view that the job's events amount to, None without any; raises NotRebuilt."""
    try:
        return fold_stored(stored)
    except ValueError as error:
        raise NotRebuilt(f"The events of job {stored.job_id} are no whole history: {error}.") from error
