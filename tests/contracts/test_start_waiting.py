"""What every queue promises that starts attempts itself: exactly what the domain would have written."""

from collections.abc import Awaitable, Callable

import pytest

from domain import claims, decisions
from domain.claims import Claimer
from domain.events import Cause, Progress
from domain.identifiers import WorkerId
from domain.job import Lease
from domain.ports.job_queue import Claimed
from domain.retries import RetryPolicy
from domain.views import JobView, project
from tests.builders import new_id
from tests.contracts.acts import append, cancel, current, fail, start, submit
from tests.fakes.ports import Ports

CLAIMER = Claimer(WorkerId('worker "7" \\ ä'), 'a "local" one')


async def start_waiting(ports: Ports, *, limit: int = 10, lease_seconds: int = 5) -> Claimed:
    await ports.outbox.relay(limit=100, max_visible=1000)
    return await ports.queue.start_waiting(
        limit=limit, lease_seconds=lease_seconds, claimer=CLAIMER, command_id=new_id()
    )


async def new(ports: Ports) -> JobView:
    return await submit(ports, job_parameters={"steps": 2}, tags=("blue",), unique_key="order-17")


async def failed_with_progress(ports: Ports) -> JobView:
    running = await start(ports, await submit(ports, job_parameters={"odd": 1.5}))
    progress = Progress(percent=10, message='"so\0 far"')
    told = await append(ports, running, decisions.report_progress(running.job, progress=progress))
    waiting = await fail(ports, told)
    await ports.advance(3600)
    return waiting


async def retried_by_hand(ports: Ports) -> JobView:
    cancelled = await cancel(ports, await submit(ports))
    return await append(ports, cancelled, decisions.retry(cancelled.job, reason="again"))


@pytest.mark.parametrize("make", [new, failed_with_progress, retried_by_hand])
async def test_an_attempt_is_started_as_the_domain_says(
    ports: Ports, make: Callable[[Ports], Awaitable[JobView]]
) -> None:
    before = await make(ports)
    claimed = await start_waiting(ports)
    (after,) = claimed.started
    assert after.job.lease
    (recorded,) = await ports.store.read_stream(after.job.id, after_version=before.job.version)
    said = claims.start(
        before, lease=after.job.lease, claimer=CLAIMER, command_id=recorded.provenance.command_id
    )

    assert (recorded.event, recorded.provenance) == (said.event, said.provenance)
    assert after == project(before, recorded) == await current(ports, before.job.id)
    assert after.job.lease == Lease(CLAIMER.worker_id, after.job.lease.msg_id, 1)


async def test_a_started_job_is_not_delivered_again_while_its_lease_lasts(ports: Ports) -> None:
    await submit(ports)
    first = await start_waiting(ports)
    second = await start_waiting(ports)

    assert (len(first.started), second) == (1, Claimed([], []))


async def test_what_does_not_wait_is_delivered_as_it_is(ports: Ports) -> None:
    running = await submit(ports)
    (running,) = (await start_waiting(ports, lease_seconds=1)).started
    await ports.advance(2)
    ended = await submit(ports)
    await ports.outbox.relay(limit=10, max_visible=10)
    ended = await cancel(ports, ended)
    await ports.put_message('{"job_id": 17}')
    claimed = await start_waiting(ports)

    assert claimed.started == []
    assert [delivery.view for delivery in claimed.others] == [running, ended, None]
    assert [delivery.read_ct for delivery in claimed.others] == [2, 1, 1]


async def test_a_job_that_must_be_isolated_is_delivered_as_it_is(ports: Ports) -> None:
    running = await start(ports, await submit(ports))
    event = decisions.lose(
        running.job, cause=Cause.CRASHED, policy=RetryPolicy(), chance=0.0, at=running.updated_at
    )
    waiting = await append(ports, running, event)
    await ports.advance(60)
    claimed = await start_waiting(ports)

    assert claimed.started == []
    assert await current(ports, waiting.job.id) in [delivery.view for delivery in claimed.others]


async def test_of_two_messages_of_a_job_one_starts_it(ports: Ports) -> None:
    await ports.outbox.relay(limit=10, max_visible=10)
    view = await submit(ports)
    await ports.outbox.relay(limit=10, max_visible=10)
    cancelled = await cancel(ports, view)
    await append(ports, cancelled, decisions.retry(cancelled.job, reason=None))
    claimed = await start_waiting(ports)

    assert [started.job.id for started in claimed.started] == [view.job.id]
    assert [delivery.job_id for delivery in claimed.others] == [view.job.id]
    assert (await current(ports, view.job.id)).job.attempt == 1


async def test_an_entry_that_waits_in_the_outbox_goes_when_an_older_message_starts_the_job(
    ports: Ports,
) -> None:
    view = await submit(ports)
    await ports.outbox.relay(limit=10, max_visible=10)
    cancelled = await cancel(ports, view)
    await append(ports, cancelled, decisions.retry(cancelled.job, reason=None))
    claimed = await ports.queue.start_waiting(
        limit=10, lease_seconds=60, claimer=CLAIMER, command_id=new_id()
    )
    report = await ports.outbox.relay(limit=10, max_visible=10)

    assert (len(claimed.started), report.moved) == (1, 0)


async def test_no_more_than_the_limit_are_started_and_the_oldest_first(ports: Ports) -> None:
    views = [await submit(ports) for _ in range(3)]
    claimed = await start_waiting(ports, limit=2)

    assert [view.job.id for view in claimed.started] == [view.job.id for view in views[:2]]


async def test_started_jobs_of_one_user_share_nothing_that_one_of_them_could_change(ports: Ports) -> None:
    long, short = {"odd": [1.5] * 200}, {"odd": [1.5]}
    for parameters in (long, long, short, short):
        await submit(ports, job_parameters=parameters)
    first, second, third, fourth = (await start_waiting(ports)).started
    for changed in (first, third):
        assert isinstance(changed.job_parameters, dict)
        changed.job_parameters.clear()

    assert (second.job_parameters, fourth.job_parameters) == (long, short)
