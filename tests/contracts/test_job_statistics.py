"""What statistics promise: they come out as if all jobs were counted, whoever counts and whenever."""

import asyncio
from collections import Counter
from datetime import timedelta

from domain import decisions
from domain.audit import RecoverySwept
from domain.events import Actor, ActorKind, Progress
from domain.identifiers import UserId
from domain.job_statistics import EVERYBODY, UNMEASURED, Count, Rate, step_of
from domain.lifecycle import Status
from domain.ports.job_views import JobFilter
from domain.views import JobView
from tests.builders import NOW, provenance
from tests.contracts.acts import append, cancel, fail, start, submit
from tests.fakes.ports import Ports

ALL = 1000
LONG_AGO = NOW - timedelta(days=400)


async def counted(ports: Ports, user_id: UserId = EVERYBODY) -> set[Count]:
    while await ports.statistics.advance(limit=ALL):
        pass
    return set(await ports.statistics.counts(user_id=user_id))


async def rates(ports: Ports) -> list[Rate]:
    await counted(ports)
    return await ports.statistics.rates(user_id=EVERYBODY, since=LONG_AGO)


async def jobs_by_hand(ports: Ports, which: JobFilter) -> set[Count]:
    views = (await ports.views.newest(which, limit=ALL)).views
    found = Counter((view.job.job_type, view.job.status) for view in views)
    return {Count(*key, number) for key, number in found.items()}


async def complete(ports: Ports, view: JobView) -> JobView:
    event = decisions.complete(view.job, result=None, data_references=())
    return await append(ports, view, event)


async def every_kind_of_job(ports: Ports) -> None:
    await submit(ports)
    await submit(ports, run_at=NOW + timedelta(days=9), job_type="later")
    await start(ports, await submit(ports, user_id=UserId("user-2")))
    await complete(ports, await start(ports, await submit(ports)))
    await fail(ports, await start(ports, await submit(ports)))
    await cancel(ports, await submit(ports))
    await cancel(ports, await start(ports, await submit(ports)))
    failed = await fail(ports, await start(ports, await submit(ports)), retryable=False)
    await append(ports, failed, decisions.retry(failed.job, reason="again"))
    await fail(ports, await start(ports, await submit(ports)), retryable=False)


async def test_counts_are_what_counting_all_jobs_would_give(ports: Ports) -> None:
    await every_kind_of_job(ports)
    mine = JobFilter(user_id=UserId("user-2"))

    assert await counted(ports) == await jobs_by_hand(ports, JobFilter())
    assert await counted(ports, UserId("user-2")) == await jobs_by_hand(ports, mine)
    assert {count.status for count in await counted(ports)} == set(Status)


async def test_nothing_is_counted_twice(ports: Ports) -> None:
    await every_kind_of_job(ports)
    once = await counted(ports)
    more = await ports.statistics.advance(limit=ALL)

    assert more == 0
    assert await counted(ports) == once


async def test_counting_may_stop_anywhere_and_go_on(ports: Ports) -> None:
    await every_kind_of_job(ports)
    pieces = []
    while piece := await ports.statistics.advance(limit=2):
        pieces.append(piece)

    assert len(pieces) > 5
    assert await counted(ports) == await jobs_by_hand(ports, JobFilter())


async def test_many_may_count_at_once(ports: Ports) -> None:
    await every_kind_of_job(ports)
    await asyncio.gather(*(ports.statistics.advance(limit=3) for _ in range(8)))

    assert await counted(ports) == await jobs_by_hand(ports, JobFilter())


async def test_a_job_moves_from_one_count_to_the_next(ports: Ports) -> None:
    view = await submit(ports)
    waiting = await counted(ports)
    running = await start(ports, view)
    between = await counted(ports)
    await complete(ports, running)

    assert waiting == {Count("sample_task", Status.PENDING, 1)}
    assert between == {Count("sample_task", Status.PROCESSING, 1)}
    assert await counted(ports) == {Count("sample_task", Status.COMPLETED, 1)}


async def test_progress_changes_no_count(ports: Ports) -> None:
    view = await start(ports, await submit(ports))
    reported = await append(ports, view, decisions.report_progress(view.job, progress=Progress(percent=50)))
    await complete(ports, reported)

    assert [
        (rate.event_type, rate.events) for rate in sorted(await rates(ports), key=lambda r: r.event_type)
    ] == [
        ("AttemptStarted", 1),
        ("JobCompleted", 1),
        ("JobSubmitted", 1),
    ]
    assert await counted(ports) == {Count("sample_task", Status.COMPLETED, 1)}


async def test_rates_tell_how_long_jobs_waited_and_how_long_attempts_took(ports: Ports) -> None:
    view = await submit(ports)
    await complete(ports, await start(ports, view))
    found = {rate.event_type: rate.bucket for rate in await rates(ports)}

    assert found["JobSubmitted"] == UNMEASURED
    assert found["AttemptStarted"] >= 0
    assert found["JobCompleted"] >= 0


async def test_a_job_that_never_started_has_no_duration(ports: Ports) -> None:
    await cancel(ports, await submit(ports))
    found = {rate.event_type: rate.bucket for rate in await rates(ports)}

    assert found == {"JobSubmitted": UNMEASURED, "JobCancelled": UNMEASURED}


async def test_rates_by_the_hour_are_the_sums_of_those_by_the_minute(ports: Ports) -> None:
    await every_kind_of_job(ports)
    hour = timedelta(hours=1)
    by_hand: Counter[tuple[object, ...]] = Counter()
    for rate in await rates(ports):
        by_hand[step_of(rate.minute, hour), *rate[1:4]] += rate.events
    by_hour = await ports.statistics.rates(user_id=EVERYBODY, since=LONG_AGO, step=hour)

    assert {rate[:4]: rate.events for rate in by_hour} == by_hand
    assert by_hand


async def test_everything_can_be_counted_again(ports: Ports) -> None:
    await every_kind_of_job(ports)
    counts, happened = await counted(ports), await rates(ports)
    await ports.statistics.start_over()
    nothing = await ports.statistics.counts(user_id=EVERYBODY)

    assert nothing == []
    assert await counted(ports) == counts
    assert sorted(await rates(ports)) == sorted(happened)


async def test_the_queue_shows_what_waits_and_what_is_leased(ports: Ports) -> None:
    for _ in range(3):
        await submit(ports)
    await ports.outbox.relay(limit=2, max_visible=10)
    await ports.queue.receive(limit=1, lease_seconds=30)
    depth = await ports.statistics.queue_depth()

    assert (depth.visible, depth.leased) == (1, 1)
    assert depth.oldest_due_at is not None


async def test_an_empty_queue_has_no_oldest_entry(ports: Ports) -> None:
    depth = await ports.statistics.queue_depth()

    assert (depth.visible, depth.leased, depth.oldest_due_at) == (0, 0, None)


async def test_sweeps_are_kept_newest_first(ports: Ports) -> None:
    sweeps = [
        RecoverySwept(
            scanned=scanned, silent_for_seconds=900, acted_count=1, skipped_count=0, months_made=0,
            acted=({"job_id": "j", "suspicion": "stuck", "event": "JobFailed"},),
        )
        for scanned in (1, 2, 3)
    ]  # fmt: skip
    for sweep in sweeps:
        await ports.audit.record(sweep, provenance(ActorKind.OPERATOR, "ann"))
    await counted(ports)
    found = await ports.statistics.sweeps(limit=2)

    assert [recorded.sweep for recorded in found] == [sweeps[2], sweeps[1]]
    assert {recorded.actor for recorded in found} == {Actor(ActorKind.OPERATOR, "ann")}
