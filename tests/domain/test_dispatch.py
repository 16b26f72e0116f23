"""How a job travels to remote compute and back, whatever happens to its calls; over the ports in memory."""

from typing import Any

import pytest

from domain.attempts import Attempt, Completed, Outcome
from domain.claims import Claimer
from domain.events import (
    AttemptDispatched,
    AttemptFailed,
    AttemptLost,
    AttemptStarted,
    Cause,
    JobCancelled,
    JobCompleted,
    JobEvent,
    JobSubmitted,
)
from domain.identifiers import JobId, UserId, WorkerId
from domain.job_types import JobContext, JobTypes, job_type
from domain.ports.job_queue import HeldLease
from domain.ports.remote_compute import Fate
from domain.retries import RetryPolicy
from domain.use_cases.cancel import cancel_job
from domain.use_cases.claim_dispatched import claim_dispatched
from domain.use_cases.dispatch import AGAIN_SECONDS, DispatchReport, dispatch_due
from domain.use_cases.look_after_calls import look_after_calls
from domain.use_cases.settle import Finished, settle
from domain.use_cases.submit import Accepted, Submission, submit_jobs
from tests.builders import new_id, provenance
from tests.domain.test_use_cases import LEASE_SECONDS, AnyParameters
from tests.fakes.ports import InMemoryPorts
from tests.fakes.remote_compute import FakeRemoteCompute
from tests.fakes.system import CountingIds, FixedChance

CLAIM_SECONDS = 300


@job_type("remote_task", retry=RetryPolicy(first_delay_seconds=0.0, max_lost_attempts=2))
async def remote_task(context: JobContext, parameters: Any) -> None:
    """Never run here."""


TYPES = JobTypes([remote_task])


class RemoteWorld:
    def __init__(self, ports: InMemoryPorts) -> None:
        self.ports = ports
        self.compute = FakeRemoteCompute()
        self.ids = CountingIds()
        self.chance = FixedChance()

    async def submit(self, **asked: Any) -> JobId:
        ports = self.ports
        (answer,) = await submit_jobs(
            ports.store,
            TYPES,
            AnyParameters(),
            ports.hints,
            ports.clock,
            self.ids,
            user_id=UserId("user-1"),
            submissions=[Submission(job_type="remote_task", **asked)],
            provenance=provenance(),
        )
        assert isinstance(answer, Accepted)
        return answer.view.job.id

    async def dispatch(self, max_unclaimed: int = 10) -> DispatchReport:
        ports = self.ports
        return await dispatch_due(
            ports.dispatches,
            ports.queue,
            ports.store,
            self.compute,
            self.ids,
            limit=100,
            max_unclaimed=max_unclaimed,
            claim_seconds=CLAIM_SECONDS,
        )

    async def look_after(self) -> DispatchReport:
        ports = self.ports
        return await look_after_calls(
            ports.dispatches,
            ports.queue,
            ports.store,
            self.compute,
            ports.hints,
            TYPES,
            ports.clock,
            self.ids,
            self.chance,
            limit=100,
            hold_seconds=CLAIM_SECONDS,
        )

    async def container_starts(self, call_id: str = "fc-1", worker: str = "container-1") -> Attempt | None:
        ports = self.ports
        call = self.compute.calls[call_id]
        return await claim_dispatched(
            ports.store,
            ports.views,
            ports.queue,
            ports.dispatches,
            ports.hints,
            TYPES,
            ports.clock,
            self.ids,
            self.chance,
            claimer=Claimer(WorkerId(worker), "modal"),
            told=HeldLease(call.msg_id, call.read_ct),
            call_id=call_id,
            lease_seconds=LEASE_SECONDS,
        )

    async def settle(self, attempt: Attempt | None, outcome: Outcome | None = None) -> None:
        assert attempt is not None
        ports = self.ports
        await settle(
            ports.store,
            ports.views,
            ports.hints,
            TYPES,
            ports.clock,
            self.chance,
            worker_id=attempt.lease.worker_id,
            finished=[Finished(attempt, outcome or Completed(result="done"), new_id())],
        )

    async def events(self, job_id: JobId) -> list[JobEvent]:
        return [recorded.event for recorded in await self.ports.store.read_stream(job_id)]

    async def kinds(self, job_id: JobId) -> list[type[JobEvent]]:
        return [type(event) for event in await self.events(job_id)]


@pytest.fixture
def world(ports: InMemoryPorts) -> RemoteWorld:
    return RemoteWorld(ports)


async def test_a_dispatched_job_is_claimed_by_its_container_and_completes(world: RemoteWorld) -> None:
    job_id = await world.submit(job_parameters={"steps": 2})
    await world.dispatch()
    call = world.compute.calls["fc-1"]
    attempt = await world.container_starts()
    await world.settle(attempt)

    assert (call.job_id, call.job_type, call.user_id) == (job_id, "remote_task", "user-1")
    assert call.job_parameters == {"steps": 2}
    assert (await world.events(job_id))[1:] == [
        AttemptDispatched(compute="modal", call_id="fc-1"),
        AttemptStarted(
            attempt=1, worker_id=WorkerId("container-1"), msg_id=call.msg_id, read_ct=1, compute="modal"
        ),
        JobCompleted(attempt=1, result="done"),
    ]
    assert world.ports.state.queue == {}


async def test_many_jobs_on_few_containers_are_one_call_each(world: RemoteWorld) -> None:
    for _ in range(100):
        await world.submit()
    done = 0
    while done < 100:
        await world.dispatch(max_unclaimed=10)
        running = [
            await world.container_starts(call_id) for call_id in list(world.compute.calls)[done : done + 10]
        ]
        await world.ports.advance(LEASE_SECONDS - 1)
        assert await world.look_after() == DispatchReport(0, 0)
        for attempt in running:
            await world.settle(attempt)
        done += len(running)

    assert len(world.compute.calls) == 100


async def test_a_call_that_is_delivered_twice_runs_once(world: RemoteWorld) -> None:
    job_id = await world.submit()
    await world.dispatch()
    first = await world.container_starts()
    second = await world.container_starts(worker="container-2")
    await world.settle(first)
    late = await world.container_starts(worker="container-3")

    assert (second, late) == (None, None)
    assert await world.kinds(job_id) == [JobSubmitted, AttemptDispatched, AttemptStarted, JobCompleted]


async def test_a_call_whose_answer_was_lost_records_itself(world: RemoteWorld) -> None:
    job_id = await world.submit()
    world.compute.loses_answers = True
    report = await world.dispatch()
    await world.settle(await world.container_starts())

    assert report == DispatchReport(spawned=0, failed=1)
    assert (await world.events(job_id))[1] == AttemptDispatched(compute="modal", call_id="fc-1")
    assert (await world.events(job_id))[-1] == JobCompleted(attempt=1, result="done")


async def test_two_calls_for_one_job_have_one_claim(world: RemoteWorld) -> None:
    job_id = await world.submit()
    world.compute.loses_answers = True
    await world.dispatch()
    world.compute.loses_answers = False
    await world.ports.advance(AGAIN_SECONDS + 1)
    await world.look_after()
    second = await world.container_starts("fc-2", "container-2")
    first = await world.container_starts("fc-1")
    await world.settle(second)

    assert first is None
    assert await world.kinds(job_id) == [JobSubmitted, AttemptDispatched, AttemptStarted, JobCompleted]


async def test_a_container_that_claims_before_its_call_was_recorded_records_it(world: RemoteWorld) -> None:
    job_id = await world.submit()
    attempts = []

    class Quick(FakeRemoteCompute):
        async def spawn(self, call: Any) -> str:
            call_id = await super().spawn(call)
            attempts.append(await world.container_starts(call_id))
            return call_id

    world.compute = Quick()
    await world.dispatch()

    assert attempts[0] is not None
    assert await world.kinds(job_id) == [JobSubmitted, AttemptDispatched, AttemptStarted]


async def test_unreachable_compute_loses_nothing_and_spends_nothing(world: RemoteWorld) -> None:
    job_id = await world.submit()
    world.compute.is_reachable = False
    await world.dispatch()
    await world.ports.advance(AGAIN_SECONDS + 1)
    still = await world.look_after()
    world.compute.is_reachable = True
    await world.ports.advance(AGAIN_SECONDS + 1)
    await world.look_after()
    await world.settle(await world.container_starts())

    assert still == DispatchReport(spawned=0, failed=1)
    assert await world.kinds(job_id) == [JobSubmitted, AttemptDispatched, AttemptStarted, JobCompleted]


async def test_a_call_that_still_waits_for_a_container_is_not_made_again(world: RemoteWorld) -> None:
    await world.submit()
    await world.dispatch()
    await world.ports.advance(CLAIM_SECONDS + 1)

    assert await world.look_after() == DispatchReport(0, 0)
    assert await world.container_starts() is not None


async def test_nor_is_it_while_compute_cannot_be_asked(world: RemoteWorld) -> None:
    await world.submit()
    await world.dispatch()
    world.compute.is_reachable = False
    await world.ports.advance(CLAIM_SECONDS + 1)

    assert await world.look_after() == DispatchReport(0, 0)


@pytest.mark.parametrize("fate", [Fate.FORGOTTEN, Fate.BROKEN, Fate.RAISED, Fate.FINISHED, Fate.TIMED_OUT])
async def test_a_call_that_ended_without_a_claim_is_made_again(world: RemoteWorld, fate: Fate) -> None:
    job_id = await world.submit()
    await world.dispatch()
    world.compute.fates["fc-1"] = fate
    await world.ports.advance(CLAIM_SECONDS + 1)
    report = await world.look_after()
    await world.settle(await world.container_starts("fc-2"))

    assert report == DispatchReport(1, 0)
    assert await world.kinds(job_id) == [
        JobSubmitted, AttemptDispatched, AttemptDispatched, AttemptStarted, JobCompleted
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fate", "cause"),
    [
        (Fate.NOT_FINISHED, Cause.LEASE_LAPSED),
        (Fate.FORGOTTEN, Cause.LEASE_LAPSED),
        (Fate.FINISHED, Cause.LEASE_LAPSED),
        (Fate.BROKEN, Cause.CRASHED),
        (Fate.RAISED, Cause.CRASHED),
    ],
)
async def test_a_silent_attempt_is_lost_for_the_cause_that_its_compute_tells(
    world: RemoteWorld, fate: Fate, cause: Cause
) -> None:
    job_id = await world.submit()
    await world.dispatch()
    await world.container_starts()
    world.compute.fates["fc-1"] = fate
    await world.ports.advance(LEASE_SECONDS + 1)
    await world.look_after()
    (lost,) = [event for event in await world.events(job_id) if isinstance(event, AttemptLost)]

    assert (lost.attempt, lost.cause) == (1, cause)
    assert world.compute.terminated == (["fc-1"] if fate is Fate.NOT_FINISHED else [])


async def test_an_attempt_that_its_compute_timed_out_has_failed(world: RemoteWorld) -> None:
    job_id = await world.submit()
    await world.dispatch()
    await world.container_starts()
    world.compute.fates["fc-1"] = Fate.TIMED_OUT
    await world.ports.advance(LEASE_SECONDS + 1)
    await world.look_after()
    failed = (await world.events(job_id))[-1]

    assert isinstance(failed, AttemptFailed)
    assert failed.cause is Cause.TIMED_OUT


async def test_a_killed_containers_job_completes_once_in_another(world: RemoteWorld) -> None:
    job_id = await world.submit()
    await world.dispatch()
    killed = await world.container_starts()
    world.compute.fates["fc-1"] = Fate.BROKEN
    await world.ports.advance(LEASE_SECONDS + 1)
    await world.look_after()
    await world.dispatch()
    second = await world.container_starts("fc-2", "container-2")
    await world.settle(second)
    await world.settle(killed)
    kinds = await world.kinds(job_id)

    assert kinds.count(JobCompleted) == 1
    assert kinds[:7] == [
        JobSubmitted, AttemptDispatched, AttemptStarted, AttemptLost,
        AttemptDispatched, AttemptStarted, JobCompleted,
    ]  # fmt: skip


async def test_a_job_that_was_cancelled_before_its_container_came_is_not_run(world: RemoteWorld) -> None:
    job_id = await world.submit()
    await world.dispatch()
    await cancel_job(world.ports.store, world.ports.hints, job_id=job_id, provenance=provenance())
    attempt = await world.container_starts()

    assert attempt is None
    assert await world.kinds(job_id) == [JobSubmitted, AttemptDispatched, JobCancelled]
    assert world.ports.state.queue == {}


async def test_a_cancelled_jobs_call_is_stopped_when_its_container_never_comes(world: RemoteWorld) -> None:
    job_id = await world.submit()
    await world.dispatch()
    await cancel_job(world.ports.store, world.ports.hints, job_id=job_id, provenance=provenance())
    await world.ports.advance(CLAIM_SECONDS + 1)
    await world.look_after()

    assert world.compute.terminated == ["fc-1"]
    assert world.ports.state.queue == {}


async def test_a_wedged_container_of_a_cancelled_job_is_stopped(world: RemoteWorld) -> None:
    job_id = await world.submit()
    await world.dispatch()
    await world.container_starts()
    await cancel_job(world.ports.store, world.ports.hints, job_id=job_id, provenance=provenance())
    await world.ports.advance(LEASE_SECONDS + 1)
    await world.look_after()

    assert (await world.kinds(job_id))[-1] is JobCancelled
    assert world.compute.terminated == ["fc-1"]


async def test_a_container_that_died_between_taking_and_starting_is_replaced(world: RemoteWorld) -> None:
    job_id = await world.submit()
    await world.dispatch()
    call = world.compute.calls["fc-1"]
    await world.ports.dispatches.take(HeldLease(call.msg_id, call.read_ct), lease_seconds=LEASE_SECONDS)
    await world.ports.advance(LEASE_SECONDS + 1)
    report = await world.look_after()
    await world.settle(await world.container_starts("fc-2"))

    assert report == DispatchReport(1, 0)
    assert (await world.kinds(job_id))[-1] is JobCompleted


async def test_a_message_without_a_job_is_parked(world: RemoteWorld) -> None:
    await world.submit()
    await world.dispatch()
    world.ports.state.views.clear()
    await world.ports.advance(CLAIM_SECONDS + 1)
    await world.look_after()

    assert len(world.ports.state.parked) == 1
    assert world.ports.state.queue == {}
