"""What every read model promises."""

from domain.identifiers import UserId
from domain.lifecycle import Status
from domain.ports.job_views import JobFilter
from tests.builders import submission
from tests.contracts.acts import cancel, submit
from tests.fakes.ports import Ports


async def test_many_are_read_at_once_and_missing_ones_are_missing(ports: Ports) -> None:
    views = [await submit(ports) for _ in range(3)]
    found = await ports.views.get_many([*(view.job.id for view in views), submission().job_id])

    assert found == {view.job.id: view for view in views}
    assert await ports.views.get_many([]) == {}


async def test_lists_are_newest_first_and_continue_after_a_job(ports: Ports) -> None:
    views = [await submit(ports) for _ in range(5)]
    newest = [view.job.id for view in reversed(views)]
    everything = JobFilter()
    first = await ports.views.newest(everything, limit=2)
    rest = await ports.views.newest(everything, limit=10, before=first[-1].job.id)
    skipped = await ports.views.newest(everything, limit=2, offset=3)

    assert [view.job.id for view in first + rest] == newest
    assert [view.job.id for view in skipped] == newest[3:]


async def test_filters_hold_together(ports: Ports) -> None:
    wanted = await cancel(ports, await submit(ports, tags=("a", "b"), job_type="x"))
    await cancel(ports, await submit(ports, tags=("a",), job_type="y"))
    await submit(ports, tags=("a", "b"), job_type="x")
    await cancel(ports, await submit(ports, tags=("a", "b"), job_type="x", user_id=UserId("user-2")))
    which = JobFilter(user_id=UserId("user-1"), status=Status.CANCELLED, job_type="x", tag="b")

    assert await ports.views.newest(which, limit=10) == [wanted]
