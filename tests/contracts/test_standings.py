"""Where a job stands, in every state it can be in, told alike by every adapter."""

from datetime import timedelta

from domain import decisions
from domain.claims import Claimer
from domain.events import Cause, JobError
from domain.identifiers import JobId, WorkerId
from domain.ports.standings import COUNTED_TO, Crew, Line, Place, Standing
from domain.ports.workers import Presence
from domain.retries import RetryPolicy
from domain.views import JobView
from tests.builders import NOW, new_id, submission
from tests.contracts.acts import append, cancel, submit
from tests.fakes.ports import Ports

CLAIMER = Claimer(WorkerId("worker-1"), "local")
AHEAD = NOW + timedelta(days=400)


async def standing(ports: Ports, job_id: JobId) -> Standing:
    found = await ports.standings.of(job_id)
    assert found is not None
    assert found.view == await ports.views.get(job_id)
    return found


async def relay(ports: Ports, limit: int = 100) -> None:
    await ports.outbox.relay(limit=limit, max_visible=5000)


async def start_next(ports: Ports, lease_seconds: int = 60) -> JobView:
    await relay(ports)
    claimed = await ports.queue.start_waiting(
        limit=1, lease_seconds=lease_seconds, claimer=CLAIMER, command_id=new_id()
    )
    (view,) = claimed.started
    return view


async def test_a_job_that_does_not_exist_stands_nowhere(ports: Ports) -> None:
    assert await ports.standings.of(submission().job_id) is None


async def test_a_job_that_is_not_due_waits_in_the_outbox_behind_nobody(ports: Ports) -> None:
    job = await submit(ports, run_at=AHEAD)
    await submit(ports, priority=9)
    found = await standing(ports, job.job.id)

    assert (found.place, found.message, found.line) == (Place.OUTBOX, None, Line())
    assert found.at < AHEAD


async def test_a_due_job_stands_behind_those_of_its_and_of_higher_priorities(ports: Ports) -> None:
    await submit(ports, priority=2)
    for priority in (5, 5, 7, 9):
        await submit(ports, priority=priority)
    await submit(ports, priority=9, run_at=AHEAD)
    job = await submit(ports, priority=5)
    await submit(ports, priority=5)
    found = await standing(ports, job.job.id)

    assert (found.place, found.line) == (Place.OUTBOX, Line(of_its_priority=2, of_higher_priority=2))
    assert found.oldest_due_at is not None
    assert found.oldest_due_at <= found.at


async def test_lines_are_counted_to_their_limit(ports: Ports) -> None:
    await ports.store.append([submission(priority=9) for _ in range(COUNTED_TO + 2)])
    await ports.store.append([submission(priority=5) for _ in range(COUNTED_TO + 2)])
    job = await submit(ports, priority=5)
    most = COUNTED_TO + 1

    assert (await standing(ports, job.job.id)).line == Line(most, most, 0)
    await relay(ports, limit=2 * COUNTED_TO + 5)
    found = await standing(ports, job.job.id)
    assert (found.place, found.line) == (Place.QUEUE, Line(0, 0, most))


async def test_a_job_in_the_queue_stands_behind_the_messages_before_its_own(ports: Ports) -> None:
    for _ in range(3):
        await submit(ports)
    job = await submit(ports)
    await relay(ports)
    await start_next(ports)
    later = await submit(ports)
    found = await standing(ports, job.job.id)

    assert (found.place, found.line) == (Place.QUEUE, Line(in_queue=2))
    assert found.oldest_due_at is None or found.oldest_due_at <= found.at
    assert found.message is not None
    assert found.message.visible_at <= found.at
    assert (await standing(ports, later.job.id)).line == Line(in_queue=3)


async def test_a_running_job_shows_its_lease_and_one_that_lapsed_too(ports: Ports) -> None:
    await submit(ports)
    job = await start_next(ports, lease_seconds=60)
    held = await standing(ports, job.job.id)
    await ports.advance(90)
    lapsed = await standing(ports, job.job.id)

    assert job.job.lease is not None
    assert held.message is not None
    assert lapsed.message is not None
    assert held.message.read_ct == job.job.lease.read_ct
    assert held.message.visible_at > held.at
    assert lapsed.message.visible_at <= lapsed.at


async def test_a_job_whose_message_is_gone_is_nowhere(ports: Ports) -> None:
    await submit(ports)
    job = await start_next(ports)
    waiting = await submit(ports)
    await relay(ports)
    for delivery in await ports.queue.receive(limit=10, lease_seconds=1):
        await ports.queue.delete([delivery.lease])
    assert (await standing(ports, waiting.job.id)).place is Place.NOWHERE

    await ports.advance(120)
    for delivery in await ports.queue.receive(limit=10, lease_seconds=1):
        await ports.queue.delete([delivery.lease])
    assert (await standing(ports, job.job.id)).place is Place.NOWHERE


async def test_a_job_that_backs_off_and_one_that_ended_have_no_message(ports: Ports) -> None:
    await submit(ports)
    job = await start_next(ports)
    assert job.job.lease is not None
    error = JobError(type="ValueError", message="no")
    event = decisions.fail(
        job.job, error=error, cause=Cause.FAILED, policy=RetryPolicy(), chance=0.0, at=AHEAD
    )
    failed = await append(ports, job, event, settles=job.job.lease.msg_id)
    backing_off = await standing(ports, job.job.id)
    ended = await standing(ports, (await cancel(ports, failed)).job.id)

    assert (backing_off.place, backing_off.line) == (Place.OUTBOX, Line())
    assert ended.line == Line()


async def test_a_job_that_was_cancelled_and_retried_is_where_its_first_message_is(ports: Ports) -> None:
    job = await submit(ports)
    await relay(ports)
    cancelled = await cancel(ports, job)
    await append(ports, cancelled, decisions.retry(cancelled.job, reason="again"))

    assert (await standing(ports, job.job.id)).place is Place.QUEUE


async def test_a_job_for_remote_compute_stands_in_a_line_of_its_own(ports: Ports) -> None:
    await submit(ports)
    await submit(ports, job_type="remote_task")
    job = await submit(ports, job_type="remote_task")
    waiting = await standing(ports, job.job.id)
    await ports.dispatches.hand_over(compute="modal", limit=9, max_unclaimed=9, claim_seconds=60)
    handed = await standing(ports, job.job.id)

    assert (waiting.place, waiting.line) == (Place.OUTBOX, Line(of_its_priority=1))
    assert (waiting.is_remote, handed.is_remote) == (True, True)
    assert (handed.place, handed.line) == (Place.QUEUE, Line())
    assert handed.message is not None
    assert (handed.message.compute, handed.message.read_ct) == ("modal", 0)


async def test_workers_that_serve_the_jobs_type_are_told_from_others(ports: Ports) -> None:
    here = await submit(ports)
    there = await submit(ports, job_type="remote_task")
    workers = [
        Presence(WorkerId("a"), "local", ("sample_task",), 10, 4),
        Presence(WorkerId("b"), "local", ("sample_task", "other"), 5, 7),
        Presence(WorkerId("c"), "modal", ("remote_task", "sample_task"), 3, 0),
        Presence(WorkerId("d"), "local", ("other",), 100, 0),
    ]
    for worker in workers:
        await ports.workers.beat(worker, alive_for_seconds=60)

    assert (await standing(ports, here.job.id)).crew == Crew(living=4, serving=2, free_places=6)
    assert (await standing(ports, there.job.id)).crew == Crew(living=4, serving=1, free_places=3)
    await ports.advance(90)
    assert (await standing(ports, here.job.id)).crew == Crew()
