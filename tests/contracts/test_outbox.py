"""What every outbox promises."""

import asyncio
from datetime import UTC, datetime, timedelta

from domain.identifiers import JobId
from tests.contracts.acts import cancel, submit
from tests.fakes.ports import Ports

FAR = datetime.now(UTC) + timedelta(days=30)


async def relayed(ports: Ports, *, limit: int = 100, max_visible: int = 100) -> list[JobId | None]:
    """The jobs that one relay step brings to the queue, in the queue's order."""
    await ports.outbox.relay(limit=limit, max_visible=max_visible)
    deliveries = await ports.queue.receive(limit=1000, lease_seconds=600)
    return [delivery.job_id for delivery in deliveries]


async def test_a_submitted_job_reaches_the_queue_once(ports: Ports) -> None:
    view = await submit(ports)

    assert await relayed(ports) == [view.job.id]
    assert await relayed(ports) == []


async def test_higher_priorities_go_first_and_equals_in_order(ports: Ports) -> None:
    views = [await submit(ports, priority=priority) for priority in (0, 9, 5, 9, 0)]

    assert await relayed(ports) == [views[place].job.id for place in (1, 3, 2, 0, 4)]


async def test_what_is_not_due_waits_and_says_until_when(ports: Ports) -> None:
    view = await submit(ports, run_at=FAR, at=FAR - timedelta(days=30))
    report = await ports.outbox.relay(limit=10, max_visible=10)

    assert report.moved == 0
    assert report.next_due_at == FAR
    assert view.job.due_at == FAR


async def test_what_waited_goes_when_it_is_due(ports: Ports) -> None:
    view = await submit(ports, run_at=FAR, at=FAR - timedelta(days=30))
    early = await relayed(ports)
    await ports.advance(3600 * 24 * 400)

    assert early == []
    assert await relayed(ports) == [view.job.id]


async def test_a_step_moves_no_more_than_its_limit(ports: Ports) -> None:
    for _ in range(5):
        await submit(ports)
    reports = [await ports.outbox.relay(limit=2, max_visible=100) for _ in range(4)]

    assert [report.moved for report in reports] == [2, 2, 1, 0]


async def test_the_queue_is_kept_shallow(ports: Ports) -> None:
    for _ in range(5):
        await submit(ports)
    first = await ports.outbox.relay(limit=10, max_visible=3)
    full = await ports.outbox.relay(limit=10, max_visible=3)

    assert (first.moved, first.is_held_back) == (3, False)
    assert (full.moved, full.is_held_back) == (0, True)


async def test_messages_under_way_do_not_count_against_the_bound(ports: Ports) -> None:
    for _ in range(4):
        await submit(ports)
    await ports.outbox.relay(limit=10, max_visible=2)
    await ports.queue.receive(limit=10, lease_seconds=600)
    again = await ports.outbox.relay(limit=10, max_visible=2)

    assert again.moved == 2


async def test_a_job_that_is_cancelled_while_it_waits_leaves_nothing_behind(ports: Ports) -> None:
    await cancel(ports, await submit(ports))
    await cancel(ports, await submit(ports, run_at=FAR, at=FAR - timedelta(days=30), priority=7))
    report = await ports.outbox.relay(limit=10, max_visible=10)

    assert (report.moved, report.next_due_at) == (0, None)


async def test_relays_side_by_side_lose_nothing_and_double_nothing(ports: Ports) -> None:
    submitted = {(await submit(ports, priority=number % 10)).job.id for number in range(60)}
    reports = await asyncio.gather(*(ports.outbox.relay(limit=7, max_visible=1000) for _ in range(12)))
    deliveries = await ports.queue.receive(limit=1000, lease_seconds=60)

    assert sum(report.moved for report in reports) == 60
    assert sorted(delivery.job_id or "" for delivery in deliveries) == sorted(submitted)
