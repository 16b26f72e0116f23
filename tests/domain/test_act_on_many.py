"""One act on many jobs: what is shown is what is done, and nothing else."""

from typing import Any

import pytest

from domain import decisions
from domain.errors import IllegalTransition, JobNotFound, UniqueKeyHeld, VersionConflict
from domain.events import CancellationRequested, JobCancelled
from domain.identifiers import UserId
from domain.job import Job
from domain.lifecycle import Act, Status
from domain.ports.hints import Topic
from domain.ports.job_views import JobFilter
from domain.use_cases.act_on_many import Step, Target, act_on_many, find_targets
from domain.use_cases.cancel import cancel_job
from domain.views import JobView
from tests.builders import provenance
from tests.domain.test_use_cases import World
from tests.fakes.ports import InMemoryPorts

MINE = JobFilter(user_id=UserId("user-1"))


@pytest.fixture
def world(ports: InMemoryPorts) -> World:
    return World(ports)


def cancelling(job: Job) -> Any:
    return decisions.cancel(job, reason="all of them")


def retrying(job: Job) -> Any:
    return decisions.retry(job, reason="all of them")


async def targets(world: World, act: Act = Act.CANCEL, which: JobFilter = MINE) -> list[Target]:
    found, _ = await find_targets(world.ports.views, which=which, act=act, limit=100)
    return found


async def run(world: World, chosen: list[Target], decide: Any = cancelling, **rest: Any) -> list[Step]:
    ports = world.ports
    options: dict[str, Any] = {"dry_run": False, "owner": UserId("user-1")} | rest
    return await act_on_many(
        ports.store, ports.views, ports.hints, targets=chosen, decide=decide, provenance=provenance(),
        **options,
    )  # fmt: skip


def view(world: World, target: Target) -> JobView:
    return world.ports.state.views[target.job_id]


async def test_a_dry_run_shows_every_event_and_changes_nothing(world: World) -> None:
    await world.submit()
    running = await world.submit(priority=9)
    await world.claim(limit=1)
    before = dict(world.ports.state.views)
    steps = await run(world, await targets(world), dry_run=True)
    told = {step.target.job_id == running: (type(step.event), step.becomes) for step in steps}

    assert told == {
        True: (CancellationRequested, Status.CANCELLING),
        False: (JobCancelled, Status.CANCELLED),
    }
    assert world.ports.state.views == before
    assert not any(step.is_done for step in steps)


async def test_exactly_what_was_shown_is_done(world: World) -> None:
    jobs = [await world.submit() for _ in range(3)]
    shown = await targets(world)
    later = await world.submit()
    steps = await run(world, shown)

    assert {step.target.job_id for step in steps if step.is_done} == set(jobs)
    assert world.ports.state.views[later].job.status is Status.PENDING
    assert [view(world, target).job.status for target in shown] == [Status.CANCELLED] * 3
    assert {Topic.CANCELLATION, Topic.OUTBOX} <= set(world.ports.hints.announced)


async def test_a_job_that_moved_on_since_is_left_alone(world: World) -> None:
    await world.submit()
    shown = await targets(world)
    await world.claim()
    (step,) = await run(world, shown)

    assert isinstance(step.refusal, VersionConflict)
    assert step.refusal.actual == 2
    assert view(world, shown[0]).job.status is Status.PROCESSING


async def test_somebody_elses_job_is_not_found_but_by_an_operator(world: World) -> None:
    await world.submit()
    shown = await targets(world)
    (step,) = await run(world, shown, owner=UserId("user-2"))
    assert isinstance(step.refusal, JobNotFound)
    assert (step.status, step.event) == (None, None)

    (step,) = await run(world, shown, owner=None)
    assert step.is_done


async def test_what_the_state_does_not_allow_is_refused_alone(world: World) -> None:
    first, second = await world.submit(), await world.submit()
    await cancel_job(world.ports.store, world.ports.hints, job_id=first, provenance=provenance())
    chosen = [Target(job_id=first, version=2), Target(job_id=second, version=1)]
    steps = await run(world, chosen)

    assert isinstance(steps[0].refusal, IllegalTransition)
    assert steps[1].is_done


async def test_only_jobs_to_which_it_can_be_done_are_found(world: World) -> None:
    waiting = await world.submit()
    ended = await world.submit()
    await cancel_job(world.ports.store, world.ports.hints, job_id=ended, provenance=provenance())

    assert [target.job_id for target in await targets(world)] == [waiting]
    assert [target.job_id for target in await targets(world, Act.RETRY)] == [ended]
    completed = JobFilter(statuses=frozenset({Status.COMPLETED}))
    assert await targets(world, Act.RETRY, completed) == []


async def test_it_is_told_whether_more_are_found(world: World) -> None:
    for _ in range(3):
        await world.submit()
    views = world.ports.views

    for limit, is_complete in ((2, False), (3, True)):
        found, told = await find_targets(views, which=MINE, act=Act.CANCEL, limit=limit)
        assert (len(found), told) == (limit, is_complete)


async def test_a_retry_whose_unique_key_is_held_by_now_is_refused_alone(world: World) -> None:
    first = await world.submit(unique_key="k")
    await cancel_job(world.ports.store, world.ports.hints, job_id=first, provenance=provenance())
    holder = await world.submit(unique_key="k")
    (step,) = await run(world, await targets(world, Act.RETRY), retrying)

    assert isinstance(step.refusal, UniqueKeyHeld)
    assert step.refusal.job_id == holder
