"""What every store promises of an attempt that completes its job, however the job came there."""

from collections.abc import Awaitable, Callable

import pytest

from domain import decisions
from domain.events import Actor, ActorKind, JobCompleted, Progress, Provenance
from domain.identifiers import Json, WorkerId
from domain.job import Lease
from domain.ports.event_store import Appended, Change, Stale
from domain.views import JobView, project
from tests.builders import new_id
from tests.contracts.acts import append, current, fail, start, submit
from tests.fakes.ports import Ports

WORKER = WorkerId('worker "7" \\ ä')


async def claimed(ports: Ports, view: JobView) -> JobView:
    """The job under the lease of a real message."""
    await ports.outbox.relay(limit=10, max_visible=10)
    (delivery,) = await ports.queue.receive(limit=1, lease_seconds=60)
    return await start(ports, view, lease=Lease(WORKER, delivery.msg_id, delivery.read_ct))


async def new(ports: Ports) -> JobView:
    return await claimed(ports, await submit(ports, unique_key="order-17", tags=("blue",)))


async def once_failed_with_progress(ports: Ports) -> JobView:
    running = await claimed(ports, await submit(ports, job_parameters={"odd": 1.5}))
    told = decisions.report_progress(running.job, progress=Progress(percent=10, message="so far"))
    await fail(ports, await append(ports, running, told))
    await ports.advance(3600)
    return await claimed(ports, await current(ports, running.job.id))


async def cancelling(ports: Ports) -> JobView:
    running = await new(ports)
    return await append(ports, running, decisions.cancel(running.job, reason="late"))


def completion(view: JobView, *, result: Json = None, data_references: tuple[str, ...] = ()) -> Change:
    assert view.job.lease
    return Change(
        job_id=view.job.id,
        before=view,
        event=decisions.complete(view.job, result=result, data_references=data_references),
        provenance=Provenance(Actor(ActorKind.WORKER, WORKER), new_id(), traceparent=view.traceparent),
        settles=view.job.lease.msg_id,
    )


@pytest.mark.parametrize("make", [new, once_failed_with_progress, cancelling])
@pytest.mark.parametrize(
    ("result", "references"),
    [
        (None, ()),
        ({"b": 'quoted "\\ ä', "a": [1, None]}, ("s3://there",)),
        (1.5, ("odd \ud83d",)),
        ("\0", ()),
    ],
)
async def test_a_completed_job_is_as_the_domain_says(
    ports: Ports, make: Callable[[Ports], Awaitable[JobView]], result: Json, references: tuple[str, ...]
) -> None:
    change = completion(await make(ports), result=result, data_references=references)
    assert change.before
    (outcome,) = await ports.store.append([change])
    (recorded,) = await ports.store.read_stream(change.job_id, after_version=change.before.job.version)

    assert (recorded.event, recorded.provenance) == (change.event, change.provenance)
    assert isinstance(outcome, Appended)
    assert outcome.after == project(change.before, recorded) == await current(ports, change.job_id)
    assert outcome.recorded_at == recorded.recorded_at


async def test_a_completion_deletes_the_message_that_it_settles(ports: Ports) -> None:
    view = await new(ports)
    await ports.store.append([completion(view)])
    await ports.advance(3600)

    assert await ports.queue.receive(limit=10, lease_seconds=1) == []


async def test_a_stale_completion_costs_itself_and_leaves_its_message(ports: Ports) -> None:
    moved_on, in_time = await new(ports), await claimed(ports, await submit(ports))
    await append(ports, moved_on, decisions.cancel(moved_on.job, reason="late"))
    outcomes = await ports.store.append([completion(moved_on), completion(in_time)])

    assert [type(outcome) for outcome in outcomes] == [Stale, Appended]
    assert isinstance((await ports.store.read_stream(in_time.job.id))[-1].event, JobCompleted)
    assert (await current(ports, moved_on.job.id)).job.lease is not None
