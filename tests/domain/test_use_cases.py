"""What a worker makes of messages, races and late results, over the ports in memory."""

import json
from typing import Any

import pytest

from domain.attempts import (
    AlreadySettled,
    Attempt,
    Completed,
    Failed,
    GivenUp,
    Outcome,
    Released,
    Stopped,
    StopReason,
)
from domain.errors import (
    IllegalTransition,
    InvalidSubmission,
    JobNotFound,
    KeyReused,
    UniqueKeyHeld,
    VersionConflict,
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
from domain.identifiers import JobId, Json, UserId, WorkerId
from domain.job_types import JobType, JobTypes
from domain.lifecycle import Status
from domain.ports.hints import Topic
from domain.ports.job_queue import HeldLease
from domain.retries import RetryPolicy
from domain.sample_task import sample_task
from domain.use_cases.cancel import cancel_job
from domain.use_cases.claim import Claimer, claim
from domain.use_cases.keep_lease import keep_leases
from domain.use_cases.relay import relay_due
from domain.use_cases.report_progress import report_progress
from domain.use_cases.retry import retry_job
from domain.use_cases.settle import Finished, settle
from domain.use_cases.submit import Accepted, Submission, submit_jobs
from domain.use_cases.verify import verify_jobs
from tests.builders import new_id, provenance
from tests.fakes.ports import InMemoryPorts
from tests.fakes.system import CountingIds, FixedChance

LEASE_SECONDS = 30
ERROR = JobError(type="ValueError", message="no")


class AnyParameters:
    """Takes whatever it gets, but for what it was told to refuse."""

    def parse(self, job_type: JobType, job_parameters: Json) -> Any:
        if job_parameters == "refused":
            raise InvalidSubmission([])
        return job_parameters

    def schema(self, job_type: JobType) -> dict[str, Json]:
        return {}


class World:
    def __init__(self, ports: InMemoryPorts) -> None:
        self.ports = ports
        self.ids = CountingIds()
        self.types = JobTypes([sample_task])
        self.chance = FixedChance()

    async def try_submit(self, **asked: Any) -> Accepted | Exception:
        ports = self.ports
        submission = Submission(**({"job_type": "sample_task"} | asked))
        (answer,) = await submit_jobs(
            ports.store,
            self.types,
            AnyParameters(),
            ports.hints,
            ports.clock,
            self.ids,
            user_id=UserId("user-1"),
            submissions=[submission],
            provenance=provenance(),
        )
        return answer

    async def submit(self, **asked: Any) -> JobId:
        answer = await self.try_submit(**asked)
        assert isinstance(answer, Accepted)
        return answer.view.job.id

    async def claim(self, worker: str = "worker-1", limit: int = 100) -> list[Attempt]:
        ports = self.ports
        await relay_due(ports.outbox, ports.hints, limit=100, max_visible=100)
        return await claim(
            ports.store,
            ports.queue,
            ports.hints,
            self.types,
            ports.clock,
            self.ids,
            self.chance,
            claimer=Claimer(worker_id=WorkerId(worker), compute="local"),
            limit=limit,
            lease_seconds=LEASE_SECONDS,
        )

    async def settle(self, attempt: Attempt, outcome: Outcome) -> None:
        ports = self.ports
        finished = Finished(attempt=attempt, outcome=outcome, command_id=new_id())
        await settle(
            ports.store,
            ports.views,
            ports.hints,
            self.types,
            ports.clock,
            self.chance,
            worker_id=attempt.lease.worker_id,
            finished=[finished],
        )

    async def events(self, job_id: JobId) -> list[JobEvent]:
        return [recorded.event for recorded in await self.ports.store.read_stream(job_id)]

    async def kinds(self, job_id: JobId) -> list[type[JobEvent]]:
        return [type(event) for event in await self.events(job_id)]


@pytest.fixture
def world(ports: InMemoryPorts) -> World:
    return World(ports)


async def test_a_job_is_submitted_claimed_and_settled(world: World) -> None:
    job_id = await world.submit()
    (attempt,) = await world.claim()
    await world.settle(attempt, Completed(result=3))

    assert await world.kinds(job_id) == [JobSubmitted, AttemptStarted, JobCompleted]
    assert world.ports.state.queue == {}
    assert await verify_jobs(world.ports.store, world.ports.views, job_ids=[job_id]) == {}


async def test_a_bad_submission_is_refused_and_the_good_ones_beside_it_accepted(world: World) -> None:
    ports = world.ports
    answers = await submit_jobs(
        ports.store, world.types, AnyParameters(), ports.hints, ports.clock, world.ids,
        user_id=UserId("u"), provenance=provenance(),
        submissions=[
            Submission(job_type="sample_task"),
            Submission(job_type="nobody_knows"),
            Submission(job_type="sample_task", job_parameters="refused"),
            Submission(job_type="sample_task"),
        ],
    )  # fmt: skip

    assert [type(answer) for answer in answers] == [Accepted, InvalidSubmission, InvalidSubmission, Accepted]


async def test_the_same_key_and_request_is_the_same_answer(world: World) -> None:
    key = {"idempotency_key": "k", "fingerprint": "f"}
    first = await world.try_submit(**key)
    await world.claim()
    again = await world.try_submit(**key)

    assert isinstance(first, Accepted)
    assert again == Accepted(view=first.view, is_replay=True)


async def test_the_same_key_and_another_request_is_refused(world: World) -> None:
    job_id = await world.submit(idempotency_key="k", fingerprint="f")
    answer = await world.try_submit(idempotency_key="k", fingerprint="g", priority=3, tags=("t",))

    assert isinstance(answer, KeyReused)
    assert (answer.job_id, answer.differs) == (job_id, ["priority", "tags"])


async def test_a_held_unique_key_names_its_holder(world: World) -> None:
    job_id = await world.submit(unique_key="k")
    answer = await world.try_submit(unique_key="k")

    assert isinstance(answer, UniqueKeyHeld)
    assert answer.job_id == job_id


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


async def test_acting_on_a_missing_or_somebody_elses_job_is_not_found(world: World) -> None:
    job_id = await world.submit()
    ports = world.ports
    for wanted, owner in ((JobId(new_id()), None), (job_id, UserId("user-2"))):
        with pytest.raises(JobNotFound):
            await cancel_job(
                ports.store, ports.hints, job_id=wanted, provenance=provenance(), reason="r", owner=owner
            )


async def test_an_expected_version_that_has_passed_is_a_conflict(world: World) -> None:
    job_id = await world.submit()
    await world.claim()
    ports = world.ports
    with pytest.raises(VersionConflict, match="is at version 2"):
        await cancel_job(
            ports.store, ports.hints, job_id=job_id, provenance=provenance(), reason="r", expected_version=1
        )


async def test_a_completed_job_can_be_neither_cancelled_nor_retried(world: World) -> None:
    job_id = await world.submit()
    (attempt,) = await world.claim()
    await world.settle(attempt, Completed())
    ports = world.ports
    for act in (cancel_job, retry_job):
        with pytest.raises(IllegalTransition):
            await act(ports.store, ports.hints, job_id=job_id, provenance=provenance(), reason="r")


async def test_tampering_with_the_read_model_is_found(world: World) -> None:
    job_id = await world.submit()
    state = world.ports.state
    state.views[job_id] = state.views[job_id]._replace(tags=("forged",))

    assert await verify_jobs(world.ports.store, world.ports.views, job_ids=[job_id]) == {job_id: ["tags"]}


def test_two_job_types_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two job types"):
        JobTypes([sample_task, sample_task])
    assert JobTypes([]).policy_of("unknown") == RetryPolicy()
