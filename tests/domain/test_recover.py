"""What a sweep does about suspects, and what it says of itself."""

from dataclasses import replace

import pytest

from domain.attempts import Completed
from domain.audit import RecoverySwept
from domain.events import (
    Actor,
    ActorKind,
    AttemptLost,
    Cause,
    JobCancelled,
    JobCompleted,
    JobFailed,
    JobRequeued,
    LateResultRejected,
    Provenance,
)
from domain.identifiers import JobId, WorkerId
from domain.job_types import JobTypes
from domain.lifecycle import Status
from domain.ports.job_queue import HeldLease
from domain.retries import RetryPolicy, WhenLost
from domain.sample_task import sample_task
from domain.use_cases.cancel import cancel_job
from domain.use_cases.recover import Finding, Sweep, recover_orphaned_jobs
from domain.use_cases.settle_crashed import settle_crashed
from tests.builders import new_id, provenance
from tests.domain.test_use_cases import World
from tests.fakes.ports import InMemoryPorts

TIMEOUT = 900
BY = Provenance(actor=Actor(ActorKind.RECOVERY, "sweep"), command_id=new_id())


@pytest.fixture
def world(ports: InMemoryPorts) -> World:
    return World(ports)


async def sweep(world: World, *, dry_run: bool = False) -> Sweep:
    ports = world.ports
    return await recover_orphaned_jobs(
        ports.recovery, ports.store, ports.audit, ports.hints, world.types, ports.clock, world.chance,
        provenance=BY, silent_for_seconds=TIMEOUT, dry_run=dry_run, page=2,
    )  # fmt: skip


async def test_a_sweep_rests_between_its_pages(world: World) -> None:
    for _ in range(5):
        await world.submit()
    ports = world.ports
    rests = 0

    async def rest() -> None:
        nonlocal rests
        rests += 1

    swept = await recover_orphaned_jobs(
        ports.recovery, ports.store, ports.audit, ports.hints, world.types, ports.clock, world.chance,
        provenance=BY, silent_for_seconds=TIMEOUT, page=2, rest=rest,
    )  # fmt: skip

    assert (swept.scanned, rests) == (5, 2)


def requeueing(world: World) -> None:
    world.types = JobTypes(
        [replace(sample_task, retry=RetryPolicy(when_lost=WhenLost.REQUEUE, first_delay_seconds=0))]
    )


async def orphan(world: World) -> JobId:
    job_id = await world.submit()
    world.ports.state.outbox.clear()
    return job_id


async def stuck(world: World) -> JobId:
    job_id = await world.submit()
    (attempt,) = await world.claim()
    await world.ports.queue.delete([HeldLease(attempt.lease.msg_id, attempt.lease.read_ct)])
    return job_id


async def test_by_default_an_orphan_and_a_stuck_job_fail_with_their_cause(world: World) -> None:
    stuck_id = await stuck(world)
    orphan_id = await orphan(world)
    await world.ports.advance(TIMEOUT + 1)
    swept = await sweep(world)

    assert (await world.events(orphan_id))[-1] == JobFailed(attempt=0, cause=Cause.ORPHANED)
    assert (await world.events(stuck_id))[-1] == JobFailed(attempt=1, cause=Cause.STUCK)
    assert (swept.scanned, len(swept.acted)) == (2, 2)


async def test_a_policy_may_requeue_within_the_lost_budget(world: World) -> None:
    requeueing(world)
    stuck_id = await stuck(world)
    orphan_id = await orphan(world)
    await world.ports.advance(TIMEOUT + 1)
    await sweep(world)

    assert isinstance((await world.events(orphan_id))[-1], JobRequeued)
    assert isinstance((await world.events(stuck_id))[-1], AttemptLost)
    assert len(await world.claim()) == 2


async def test_a_requeued_job_that_keeps_getting_lost_ends(world: World) -> None:
    requeueing(world)
    job_id = await orphan(world)
    for _ in range(5):
        await world.ports.advance(TIMEOUT + 1)
        await sweep(world)
        world.ports.state.outbox.clear()

    kinds = await world.kinds(job_id)
    assert kinds.count(JobRequeued) == 3
    assert kinds[-1] is JobFailed


async def test_a_stuck_job_that_was_asked_to_stop_is_cancelled(world: World) -> None:
    job_id = await stuck(world)
    ports = world.ports
    await cancel_job(ports.store, ports.hints, job_id=job_id, provenance=provenance(), reason="r")
    await sweep(world)

    assert (await world.kinds(job_id))[-1] is JobCancelled


async def test_the_outcome_of_an_attempt_that_was_given_up_is_only_recorded(world: World) -> None:
    job_id = await world.submit()
    (attempt,) = await world.claim()
    await world.ports.queue.delete([HeldLease(attempt.lease.msg_id, attempt.lease.read_ct)])
    await sweep(world)
    await world.settle(attempt, Completed(result="late"))

    assert (await world.kinds(job_id))[-2:] == [JobFailed, LateResultRejected]
    assert world.ports.state.views[job_id].job.status is Status.FAILED


async def test_a_dry_run_says_what_it_would_do_and_does_nothing(world: World) -> None:
    job_id = await stuck(world)
    before = await world.events(job_id)
    swept = await sweep(world, dry_run=True)

    assert swept.acted == [Finding(job_id, swept.acted[0].suspicion, "JobFailed")]
    assert await world.events(job_id) == before
    assert world.ports.audit.recorded == []


async def test_a_sweep_records_what_it_saw_and_did(world: World) -> None:
    job_id = await stuck(world)
    await world.submit()
    await sweep(world)
    ((event, by),) = world.ports.audit.recorded

    assert by == BY
    assert event == RecoverySwept(
        scanned=2,
        silent_for_seconds=TIMEOUT,
        acted_count=1,
        skipped_count=0,
        months_made=0,
        acted=({"job_id": job_id, "suspicion": "stuck", "event": "JobFailed"},),
    )


async def test_two_sweeps_at_once_do_everything_once(world: World) -> None:
    job_id = await stuck(world)
    first = await sweep(world)
    second = await sweep(world)

    assert (len(first.acted), len(second.acted)) == (1, 0)
    assert (await world.kinds(job_id)).count(JobFailed) == 1


async def clear_up(world: World, *gone: str) -> int:
    ports = world.ports
    return await settle_crashed(
        ports.recovery, ports.store, ports.hints, world.types, ports.clock, world.chance,
        gone=[WorkerId(name) for name in gone], provenance=BY,
    )  # fmt: skip


async def test_a_crashed_workers_jobs_are_taken_up_before_their_leases_end(world: World) -> None:
    job_id = await world.submit()
    stopping = await world.submit()
    await world.claim("worker-1")
    ports = world.ports
    await cancel_job(ports.store, ports.hints, job_id=stopping, provenance=provenance(), reason="r")
    settled = await clear_up(world, "worker-0", "worker-1")
    lost = (await world.events(job_id))[-1]

    assert settled == 2
    assert isinstance(lost, AttemptLost)
    assert lost.cause is Cause.CRASHED
    assert (await world.kinds(stopping))[-1] is JobCancelled
    assert ports.state.queue == {}


async def test_only_the_crashed_workers_live_attempts_are_given_up(world: World) -> None:
    ended = await world.submit()
    (attempt,) = await world.claim("worker-1")
    await world.settle(attempt, Completed())
    others = await world.submit()
    await world.claim("worker-2")
    before = await world.events(others)

    assert await clear_up(world, "worker-1") == 0
    assert (await world.kinds(ended))[-1] is JobCompleted
    assert await world.events(others) == before


async def test_a_job_that_crashes_its_worker_each_time_ends_after_its_lost_budget(world: World) -> None:
    job_id = await world.submit()
    for number in range(10):
        await world.claim(f"worker-{number}")
        await clear_up(world, f"worker-{number}")
        await world.ports.advance(100)

    assert (await world.kinds(job_id)).count(AttemptLost) == 3
    assert (await world.events(job_id))[-1] == JobFailed(attempt=4, cause=Cause.CRASHED)
