"""What a worker makes of messages, races and late results, over the ports in memory."""

import json

import pytest

from domain.attempts import (
    AlreadySettled,
    Completed,
    Failed,
    GivenUp,
    Outcome,
    Released,
    Stopped,
    StopReason,
)
from domain.events import (
    AttemptFailed,
    AttemptLost,
    AttemptReleased,
    AttemptStarted,
    Cause,
    JobCancelled,
    JobCompleted,
    JobError,
    JobEvent,
    JobFailed,
    JobSubmitted,
    LateResultRejected,
    Progress,
    ProgressReported,
)
from domain.lifecycle import Status
from domain.ports.hints import Topic
from domain.ports.job_queue import HeldLease
from domain.use_cases.cancel import cancel_job
from domain.use_cases.keep_lease import keep_leases
from domain.use_cases.report_progress import report_progress
from domain.use_cases.settle import Finished, settle
from tests.builders import new_id, provenance
from tests.domain.test_use_cases import LEASE_SECONDS, World
from tests.fakes.ports import InMemoryPorts

ERROR = JobError(type="ValueError", message="no")


@pytest.fixture
def world(ports: InMemoryPorts) -> World:
    return World(ports)


async def test_the_next_worker_settles_an_attempt_whose_lease_lapsed(world: World) -> None:
    job_id = await world.submit()
    await world.claim("worker-1")
    await world.ports.advance(LEASE_SECONDS + 1)
    assert await world.claim("worker-2") == []
    await world.ports.advance(10)
    (attempt,) = await world.claim("worker-2")

    assert await world.kinds(job_id) == [JobSubmitted, AttemptStarted, AttemptLost, AttemptStarted]
    assert attempt.number == 2
    assert len(world.ports.state.queue) == 1


async def test_a_handler_that_kills_its_worker_every_time_ends_its_job(world: World) -> None:
    job_id = await world.submit()
    for turn in range(20):
        await world.claim(f"worker-{turn}")
        await world.ports.advance(LEASE_SECONDS + 10)
    events = await world.events(job_id)

    assert events[-1] == JobFailed(attempt=4, cause=Cause.LEASE_LAPSED)
    assert world.ports.state.queue == {}


async def test_the_late_result_of_a_lost_attempt_is_recorded_and_not_applied(world: World) -> None:
    job_id = await world.submit()
    (late,) = await world.claim("worker-1")
    await world.ports.advance(LEASE_SECONDS + 1)
    await world.claim("worker-2")
    await world.ports.advance(10)
    (current,) = await world.claim("worker-2")
    await world.settle(late, Completed(result="late"))
    await world.settle(current, Completed(result="in time"))
    events = await world.events(job_id)

    assert isinstance(events[-2], LateResultRejected)
    assert events[-1] == JobCompleted(attempt=2, result="in time")


@pytest.mark.parametrize("outcome", [Stopped(), Released()])
async def test_an_attempt_that_was_given_up_and_only_stopped_has_nothing_to_report(
    world: World, outcome: Outcome
) -> None:
    job_id = await world.submit()
    (late,) = await world.claim("worker-1")
    await world.ports.advance(LEASE_SECONDS + 1)
    await world.claim("worker-2")
    late.stop(StopReason.CANCELLED)
    await world.settle(late, outcome)

    assert await world.kinds(job_id) == [JobSubmitted, AttemptStarted, AttemptLost]


async def test_a_message_of_an_ended_job_is_deleted(world: World) -> None:
    job_id = await world.submit()
    (attempt,) = await world.claim()
    world.ports.state.put_message(json.dumps({"job_id": job_id}))
    await world.settle(attempt, Completed())

    assert await world.claim() == []
    assert world.ports.state.queue == {}


async def test_a_second_message_of_a_running_job_is_deleted_and_the_first_stays(world: World) -> None:
    job_id = await world.submit()
    (attempt,) = await world.claim()
    world.ports.state.put_message(json.dumps({"job_id": job_id}))
    await world.claim("worker-2")

    assert list(world.ports.state.queue) == [attempt.lease.msg_id]
    assert await world.kinds(job_id) == [JobSubmitted, AttemptStarted]


@pytest.mark.parametrize(
    "body", ["garbage", "[]", "{}", json.dumps({"job_id": "019a0000-0000-7000-8000-00000000000a"})]
)
async def test_a_message_that_cannot_be_worked_is_parked_and_nothing_behind_it_waits(
    world: World, body: str
) -> None:
    world.ports.state.put_message(body)
    await world.submit()

    assert len(await world.claim()) == 1
    assert [parked.body for parked in world.ports.state.parked] == [body]


async def test_two_messages_of_one_job_in_one_batch_start_it_once(world: World) -> None:
    job_id = await world.submit()
    world.ports.state.put_message(json.dumps({"job_id": job_id}))
    first = await world.claim()
    await world.ports.advance(LEASE_SECONDS + 1)
    await keep_leases(world.ports.queue, attempts=first, lease_seconds=LEASE_SECONDS)
    await world.claim()

    assert len(first) == 1
    assert list(world.ports.state.queue) == [first[0].lease.msg_id]


async def test_who_loses_the_race_for_a_job_touches_nothing(world: World) -> None:
    job_id = await world.submit()
    await world.ports.outbox.relay(limit=1, max_visible=1)
    (delivery,) = await world.ports.queue.receive(limit=1, lease_seconds=LEASE_SECONDS)
    await cancel_job(world.ports.store, world.ports.hints, job_id=job_id, provenance=provenance(), reason="r")
    attempts = await world.claim()

    assert attempts == []
    assert delivery.msg_id in world.ports.state.queue


async def test_a_cancellation_survives_the_death_of_the_worker(world: World) -> None:
    job_id = await world.submit()
    await world.claim("worker-1")
    ports = world.ports
    after = await cancel_job(ports.store, ports.hints, job_id=job_id, provenance=provenance(), reason="r")
    await ports.advance(LEASE_SECONDS + 1)
    await world.claim("worker-2")

    assert after.job.status is Status.CANCELLING
    assert Topic.CANCELLATION in ports.hints.announced
    assert (await world.kinds(job_id))[-1] is JobCancelled


async def test_a_heartbeat_tells_attempts_to_stop_or_give_up(world: World) -> None:
    cancelled = await world.submit()
    await world.submit()
    first, second = await world.claim()
    ports = world.ports
    await cancel_job(ports.store, ports.hints, job_id=cancelled, provenance=provenance(), reason="r")
    await ports.queue.delete([HeldLease(second.lease.msg_id, second.lease.read_ct)])
    await keep_leases(ports.queue, attempts=[first, second], lease_seconds=LEASE_SECONDS)

    assert (first.stopped_for, second.stopped_for) == (StopReason.CANCELLED, StopReason.LEASE_LOST)


async def test_a_message_that_goes_with_its_outcome_is_no_lost_lease(world: World) -> None:
    await world.submit()
    await world.ports.outbox.relay(limit=1, max_visible=1)
    (attempt,) = await world.claim()
    attempt.is_settling = True
    await world.ports.queue.delete([HeldLease(attempt.lease.msg_id, attempt.lease.read_ct)])
    lost = await keep_leases(world.ports.queue, attempts=[attempt], lease_seconds=LEASE_SECONDS)

    assert (lost, attempt.stopped_for) == (0, None)


async def test_every_outcome_is_written_as_what_it_was(world: World) -> None:
    expected: list[tuple[Outcome, type[JobEvent]]] = [
        (Completed(), JobCompleted),
        (Failed(cause=Cause.FAILED, error=ERROR), AttemptFailed),
        (Released(), AttemptReleased),
    ]
    for outcome, kind in expected:
        job_id = await world.submit()
        (attempt,) = await world.claim()
        await world.settle(attempt, outcome)
        assert (await world.kinds(job_id))[-1] is kind
        world.ports.state.outbox.clear()


async def test_an_attempt_that_stopped_confirms_the_cancellation(world: World) -> None:
    job_id = await world.submit()
    (attempt,) = await world.claim()
    ports = world.ports
    await cancel_job(ports.store, ports.hints, job_id=job_id, provenance=provenance(), reason="r")
    attempt.stop(StopReason.CANCELLED)
    await world.settle(attempt, Stopped())

    assert (await world.kinds(job_id))[-1] is JobCancelled


async def test_a_cancellation_between_start_and_outcome_decides_the_outcome_anew(world: World) -> None:
    job_id = await world.submit()
    (attempt,) = await world.claim()
    ports = world.ports
    await cancel_job(ports.store, ports.hints, job_id=job_id, provenance=provenance(), reason="r")
    await world.settle(attempt, Failed(cause=Cause.FAILED, error=ERROR))

    assert (await world.kinds(job_id))[-1] is JobCancelled


async def test_what_was_settled_already_or_given_up_is_not_written_again(world: World) -> None:
    job_id = await world.submit()
    (attempt,) = await world.claim()
    await world.settle(attempt, GivenUp())
    await world.settle(attempt, AlreadySettled(attempt.view))

    assert await world.kinds(job_id) == [JobSubmitted, AttemptStarted]


async def test_an_outcome_whose_answer_was_lost_is_not_taken_for_a_late_one(world: World) -> None:
    job_id = await world.submit()
    (attempt,) = await world.claim()
    ports = world.ports
    finished = Finished(attempt=attempt, outcome=Completed(), command_id=new_id())
    for _ in range(2):
        await settle(
            ports.store, ports.views, ports.hints, world.types, ports.clock, world.chance,
            worker_id=attempt.lease.worker_id, finished=[finished],
        )  # fmt: skip

    assert await world.kinds(job_id) == [JobSubmitted, AttemptStarted, JobCompleted]


async def test_progress_is_coalesced_and_never_reported_for_somebody_elses_attempt(world: World) -> None:
    job_id = await world.submit()
    (attempt,) = await world.claim()
    ports = world.ports
    for percent in (10, 20, 30):
        attempt.progress = Progress(percent=percent)
    worker = attempt.lease.worker_id
    await report_progress(ports.store, ports.views, world.ids, worker_id=worker, attempts=[attempt])
    await report_progress(ports.store, ports.views, world.ids, worker_id=worker, attempts=[attempt])
    events = await world.events(job_id)

    assert events[2:] == [ProgressReported(attempt=1, percent=30)]
