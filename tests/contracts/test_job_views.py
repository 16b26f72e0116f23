"""What every read model promises."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from domain.identifiers import JobId, UserId
from domain.lifecycle import Status
from domain.ports.job_views import JobFilter
from domain.views import JobView
from tests.builders import submission
from tests.contracts.acts import cancel, start, submit
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
    rest = await ports.views.newest(everything, limit=10, before=first.following)
    skipped = await ports.views.newest(everything, limit=2, offset=3, look=None)

    assert [view.job.id for view in first.views + rest.views] == newest
    assert [view.job.id for view in skipped.views] == newest[3:]
    assert (first.following, rest.following, skipped.following) == (newest[1], None, None)


LOOK = 4


@pytest.mark.parametrize("user_id", [None, UserId("user-1")])
@pytest.mark.parametrize(
    "which",
    [
        JobFilter(job_type="x"),
        JobFilter(tag="x"),
        JobFilter(statuses=frozenset({Status.PROCESSING, Status.CANCELLED})),
        JobFilter(statuses=frozenset({Status.FAILED, Status.CANCELLED, Status.SCHEDULED})),
    ],
    ids=["type", "tag", "some running", "none running"],
)
async def test_a_page_ends_where_enough_was_looked_at_and_the_list_where_it_does(
    ports: Ports, which: JobFilter, user_id: UserId | None
) -> None:
    which = replace(which, user_id=user_id)
    fitting = [await cancel(ports, await submit(ports, job_type="x", tags=("x",))) for _ in range(2)]
    for number in range(9):
        await submit(ports, user_id=UserId(f"user-{number % 2 + 1}"))
    before: JobId | None = None
    found: list[JobView] = []
    pages = 0
    while True:
        page = await ports.views.newest(which, limit=LOOK, before=before, look=LOOK)
        assert page.following is None or before is None or page.following < before
        found, before, pages = found + page.views, page.following, pages + 1
        if before is None:
            break

    assert found == fitting[::-1]
    assert pages <= 11 // LOOK + 1


async def test_no_more_jobs_are_looked_at_than_asked_for(ports: Ports) -> None:
    first, second, *_ = [await submit(ports, job_type=name) for name in "xyzz"][::-1]
    which = JobFilter(job_type="x", user_id=UserId("user-1"))
    page = await ports.views.newest(which, limit=3, look=2)

    assert page == ([], second.job.id)
    assert first.job.id > second.job.id
    assert (await ports.views.newest(which, limit=3, look=None)).following is None


async def test_filters_hold_together(ports: Ports) -> None:
    wanted = await cancel(ports, await submit(ports, tags=("a", "b"), job_type="x"))
    await cancel(ports, await submit(ports, tags=("a",), job_type="y"))
    await submit(ports, tags=("a", "b"), job_type="x")
    await cancel(ports, await submit(ports, tags=("a", "b"), job_type="x", user_id=UserId("user-2")))
    which = JobFilter(user_id=UserId("user-1"), statuses=frozenset({Status.CANCELLED}), job_type="x", tag="b")

    assert (await ports.views.newest(which, limit=10)).views == [wanted]


async def test_several_statuses_mean_any_of_them(ports: Ports) -> None:
    cancelled = await cancel(ports, await submit(ports))
    running = await start(ports, await submit(ports))
    await submit(ports)
    which = JobFilter(statuses=frozenset({Status.CANCELLED, Status.PROCESSING}))

    assert (await ports.views.newest(which, limit=10)).views == [running, cancelled]


async def test_the_time_of_submission_counts_from_its_beginning_to_before_its_end(ports: Ports) -> None:
    for _ in range(3):
        await submit(ports)
        await ports.advance(1)
    views = (await ports.views.newest(JobFilter(), limit=10)).views[::-1]
    first, second, third = (view.created_at for view in views)

    async def between(after: datetime | None, before: datetime | None) -> list[JobView]:
        which = JobFilter(user_id=UserId("user-1"), created_after=after, created_before=before)
        return (await ports.views.newest(which, limit=10)).views

    assert await between(first, third) == [views[1], views[0]]
    assert await between(second, None) == [views[2], views[1]]
    assert await between(None, second) == [views[0]]
    assert await between(datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)) == views[::-1]


async def test_jobs_are_counted_as_they_are_listed(ports: Ports) -> None:
    await cancel(ports, await submit(ports))
    await submit(ports, user_id=UserId("user-2"))
    mine = JobFilter(user_id=UserId("user-1"))

    assert await ports.views.count(JobFilter()) == 2
    assert await ports.views.count(mine) == 1
    assert await ports.views.count(replace(mine, statuses=frozenset({Status.PENDING}))) == 0
    assert await ports.views.estimate(mine) >= 0


async def test_versions_are_those_of_the_views(ports: Ports) -> None:
    waiting, cancelled = await submit(ports), await cancel(ports, await submit(ports))
    asked = [waiting.job.id, cancelled.job.id, submission().job_id]

    assert await ports.views.versions(asked) == {waiting.job.id: 1, cancelled.job.id: 2}
