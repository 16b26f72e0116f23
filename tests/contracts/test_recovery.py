"""Who is in trouble, and who only looks like it."""

from domain import decisions
from domain.identifiers import JobId, WorkerId
from domain.job import Lease
from domain.ports.job_queue import HeldLease
from domain.ports.recovery import Suspicion
from domain.views import JobView
from tests.contracts.acts import append, cancel, start, submit
from tests.fakes.ports import Ports

TIMEOUT = 900


async def suspects(ports: Ports) -> dict[JobId, Suspicion]:
    page = await ports.recovery.suspects(after=None, limit=1000, silent_for_seconds=TIMEOUT)
    assert page.last is None
    return {suspect.view.job.id: suspect.suspicion for suspect in page.suspects}


async def running(ports: Ports) -> tuple[JobView, HeldLease]:
    """A job that a worker claimed, as the worker does it."""
    await submit(ports)
    await ports.outbox.relay(limit=10, max_visible=10)
    (delivery,) = await ports.queue.receive(limit=1, lease_seconds=30)
    assert delivery.view is not None
    lease = Lease(WorkerId("worker-1"), delivery.msg_id, delivery.read_ct)
    return await start(ports, delivery.view, lease), HeldLease(delivery.msg_id, delivery.read_ct)


async def test_a_backlog_is_no_orphan(ports: Ports) -> None:
    await submit(ports)
    await submit(ports)
    await ports.outbox.relay(limit=1, max_visible=10)
    await ports.advance(TIMEOUT * 10)

    assert await suspects(ports) == {}


async def test_a_waiting_job_in_neither_outbox_nor_queue_is_an_orphan_once_it_is_long_due(
    ports: Ports,
) -> None:
    view = await submit(ports)
    await ports.outbox.relay(limit=1, max_visible=10)
    (delivery,) = await ports.queue.receive(limit=1, lease_seconds=5)
    await ports.queue.delete([delivery.lease])
    early = await suspects(ports)
    await ports.advance(TIMEOUT + 1)

    assert early == {}
    assert await suspects(ports) == {view.job.id: Suspicion.ORPHANED}


async def test_a_slow_job_whose_lease_is_kept_is_not_stuck(ports: Ports) -> None:
    _, lease = await running(ports)
    for _ in range(3):
        await ports.advance(TIMEOUT)
        assert len(await ports.queue.extend([lease], lease_seconds=30)) == 1

    assert await suspects(ports) == {}


async def test_a_job_is_stuck_when_its_lease_lapsed_long_ago(ports: Ports) -> None:
    view, _ = await running(ports)
    await ports.advance(TIMEOUT)
    early = await suspects(ports)
    await ports.advance(60)
    page = await ports.recovery.suspects(after=None, limit=10, silent_for_seconds=TIMEOUT)

    assert early == {}
    (suspect,) = page.suspects
    assert (suspect.view, suspect.suspicion) == (view, Suspicion.STUCK)
    assert suspect.msg_id == (view.job.lease.msg_id if view.job.lease else None)


async def test_a_running_job_without_its_message_is_stuck_at_once(ports: Ports) -> None:
    view, lease = await running(ports)
    await ports.queue.delete([lease])

    assert await suspects(ports) == {view.job.id: Suspicion.STUCK}


async def test_ended_jobs_are_nobodys_concern(ports: Ports) -> None:
    await cancel(ports, await submit(ports))
    await ports.advance(TIMEOUT * 10)

    assert await suspects(ports) == {}


async def test_pages_go_through_all_jobs(ports: Ports) -> None:
    expected = []
    for _ in range(5):
        view, lease = await running(ports)
        await ports.queue.delete([lease])
        expected.append(view.job.id)
    found: list[JobId] = []
    scanned = 0
    after: JobId | None = None
    while True:
        page = await ports.recovery.suspects(after=after, limit=2, silent_for_seconds=TIMEOUT)
        found += [suspect.view.job.id for suspect in page.suspects]
        scanned += page.scanned
        if page.last is None:
            break
        after = page.last

    assert (found, scanned) == (expected, 5)


async def test_the_live_attempts_of_a_worker_are_found(ports: Ports) -> None:
    view, _ = await running(ports)
    ended, _ = await running(ports)
    assert ended.job.lease
    await append(ports, ended, decisions.complete(ended.job), settles=ended.job.lease.msg_id)
    await submit(ports)
    await ports.outbox.relay(limit=1, max_visible=10)
    await ports.put_message("[1]")

    assert await ports.recovery.attempts_of([WorkerId("worker-1"), WorkerId("another")]) == [view]
    assert await ports.recovery.attempts_of([WorkerId("another")]) == []
