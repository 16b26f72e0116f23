"""A job that brings its process down each time does not spend the chances of those beside it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import decisions
from domain.attempts import Attempt, Completed
from domain.events import Cause, JobFailed, RecordedEvent
from domain.identifiers import JobId, WorkerId
from domain.isolation import company, room_for
from domain.job import Job
from domain.lifecycle import Status
from domain.retries import RetryPolicy
from domain.use_cases.retry import retry_job
from domain.use_cases.settle_crashed import settle_crashed
from domain.views import project
from tests.builders import NOW, provenance, submission
from tests.contracts.acts import append, start
from tests.domain.test_use_cases import LEASE_SECONDS, World
from tests.fakes.ports import InMemoryPorts


@pytest.fixture
def world(ports: InMemoryPorts) -> World:
    return World(ports)


def test_the_company_of_an_isolated_job_shrinks_with_each_loss_to_nobody() -> None:
    assert [company(chances, most=1500) for chances in (3, 2, 1, 0)] == [1500, 144, 12, 1]
    assert [company(chances, most=100) for chances in (3, 2, 1, 0)] == [100, 100, 12, 1]


def a_job(lost: int) -> Job:
    submitted = submission()
    view = project(None, RecordedEvent(submitted.job_id, 1, submitted.event, submitted.provenance, NOW))
    return view.job._replace(attempt=1 + lost, lost_attempts=lost)


@given(waiting=st.integers(0, 3), lost=st.lists(st.integers(0, 3), max_size=20), most=st.integers(1, 2000))
def test_whoever_joins_keeps_the_company_small_enough_for_all(
    waiting: int, lost: list[int], most: int
) -> None:
    beside = [a_job(times) for times in lost]
    together = len(beside) + room_for(waiting, beside=beside, most=most)

    if together > len(beside):
        assert {3 - times for times in lost} <= {waiting}
        assert together <= company(waiting, most=most)


def test_at_its_last_chance_a_job_runs_alone() -> None:
    assert room_for(0, beside=[], most=1500) == 1
    assert room_for(0, beside=[a_job(3)], most=1500) == 0
    assert room_for(1, beside=[a_job(3)], most=1500) == 0


@dataclass
class Fleet:
    """A worker and its ward; whatever process runs a culprit dies of it, with all that ran in it."""

    world: World
    culprits: set[JobId]
    deaths: list[int] = field(default_factory=list)

    async def work(self) -> None:
        while any(not view.job.has_ended for view in self.world.ports.state.views.values()):
            await self._run("worker", await self.world.claim_ordinary("worker"))
            await self._run("ward", await self.world.claim_isolated("ward"))
            await self.world.ports.advance(60)

    async def _run(self, name: str, attempts: Sequence[Attempt]) -> None:
        if self.culprits & {attempt.job_id for attempt in attempts}:
            self.deaths.append(len(attempts))
            await self._settle_crashed(name)
            return
        for attempt in attempts:
            await self.world.settle(attempt, Completed())

    async def _settle_crashed(self, name: str) -> None:
        world, ports = self.world, self.world.ports
        await settle_crashed(
            ports.recovery, ports.store, ports.hints, world.types, ports.clock, world.chance,
            gone=[WorkerId(name)], provenance=provenance(),
        )  # fmt: skip


@pytest.mark.parametrize("culprits", [1, 3])
async def test_every_innocent_job_completes_and_every_culprit_fails(world: World, culprits: int) -> None:
    jobs = [await world.submit() for _ in range(90)]
    fleet = Fleet(world, set(jobs[:culprits]))
    await fleet.work()
    views = world.ports.state.views

    assert {views[job_id].job.status for job_id in jobs[culprits:]} == {Status.COMPLETED}
    for job_id in jobs[:culprits]:
        assert (await world.events(job_id))[-1] == JobFailed(attempt=4, cause=Cause.CRASHED)
    assert fleet.deaths[-1] == 1


async def test_an_innocent_job_that_only_had_bad_company_completes_in_the_next_small_one(
    world: World,
) -> None:
    jobs = [await world.submit() for _ in range(40)]
    await Fleet(world, {jobs[0]}).work()
    spent = [world.ports.state.views[job_id].job.lost_attempts for job_id in jobs[1:]]

    assert sum(lost == 3 for lost in spent) <= 11
    assert sum(lost <= 2 for lost in spent) >= 28


async def lost_times(world: World, times: int) -> JobId:
    """A job of which that many attempts were lost, set apart for the next one."""
    job_id = await world.submit()
    ports = world.ports
    view = ports.state.views[job_id]
    for _ in range(times):
        running = await start(ports, view)
        event = decisions.lose(
            running.job, cause=Cause.CRASHED, policy=RetryPolicy(), chance=0.0, at=ports.clock.now()
        )
        view = await append(ports, running, event)
    await ports.advance(5)
    await world.claim_ordinary("sorts them out")
    return job_id


async def test_new_jobs_never_run_beside_one_that_was_lost(world: World) -> None:
    lost = await lost_times(world, 1)
    new = await world.submit()
    ordinary = await world.claim_ordinary("worker-1")
    isolated = await world.claim_isolated("ward-1")

    assert [attempt.job_id for attempt in ordinary] == [new]
    assert [attempt.job_id for attempt in isolated] == [lost]


async def test_who_waits_longest_is_not_passed_by_others_that_could_start(world: World) -> None:
    """Else a stream of jobs with many chances would keep a ward from one that must be alone."""
    first = await lost_times(world, 1)
    (running,) = await world.claim_isolated("ward-1")
    last_chance = await lost_times(world, 3)
    another = await lost_times(world, 1)

    assert running.job_id == first
    assert await world.claim_isolated("ward-1", beside=[running]) == []
    assert [one.job_id for one in await world.claim_isolated("ward-1")] == [last_chance]
    assert [one.job_id for one in await world.claim_isolated("ward-1", beside=[running])] == [another]


async def test_a_message_from_before_a_loss_does_not_bring_a_job_into_larger_company(world: World) -> None:
    """One that was cancelled and retried by hand has two messages, and its losses may fall between them."""
    await lost_times(world, 2)
    job_id = await lost_times(world, 3)
    queue = world.ports.queue
    (delivery,) = await queue.receive(limit=1, lease_seconds=LEASE_SECONDS, chances_left=0)
    await queue.set_apart({delivery.lease: 1})
    together = await world.claim_isolated("ward-1")
    alone = await world.claim_isolated("ward-2")

    assert len(together) == 1
    assert [attempt.job_id for attempt in alone] == [job_id]


async def test_a_job_retried_by_hand_starts_without_suspicion(world: World) -> None:
    job_id = await world.submit()
    await Fleet(world, {job_id}).work()
    ports = world.ports
    await retry_job(ports.store, ports.hints, job_id=job_id, provenance=provenance())
    (attempt,) = await world.claim_ordinary()

    assert attempt.job_id == job_id
