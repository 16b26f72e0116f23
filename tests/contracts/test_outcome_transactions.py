"""What every event store promises of a transaction that ends with an event."""

from typing import Any

import pytest

from domain import decisions
from domain.errors import AttemptGivenUp
from domain.events import JobCompleted, JobEvent
from domain.identifiers import Json
from domain.job import Job
from domain.job_types import OutcomeTransaction
from domain.ports.job_queue import HeldLease
from domain.views import JobView
from tests.builders import provenance
from tests.contracts.acts import cancel, current, start, submit
from tests.fakes.ports import Ports


async def started(ports: Ports) -> tuple[JobView, HeldLease]:
    """A running job, and the message that it runs under."""
    view = await submit(ports)
    await ports.outbox.relay(limit=1, max_visible=1)
    (delivery,) = await ports.queue.receive(limit=1, lease_seconds=60)
    return await start(ports, view), delivery.lease


def completing(result: Json) -> Any:
    def decide(job: Job, transaction: OutcomeTransaction) -> JobEvent:
        return decisions.complete(job, result=transaction.result or result)

    return decide


async def test_a_decided_transaction_commits_with_its_event(ports: Ports) -> None:
    view = await start(ports, await submit(ports))
    async with ports.store.deciding(
        view.job.id, provenance=provenance(), settles=None, decide=completing(1)
    ) as transaction:
        transaction.result = {"set": "inside"}
        assert transaction.after is None
    events = await ports.store.read_stream(view.job.id)

    assert events[-1].event == JobCompleted(attempt=1, result={"set": "inside"})
    assert transaction.after == await current(ports, view.job.id)


async def test_a_transaction_that_breaks_leaves_nothing(ports: Ports) -> None:
    view, lease = await started(ports)
    with pytest.raises(RuntimeError, match="breaks"):
        async with ports.store.deciding(
            view.job.id, provenance=provenance(), settles=lease.msg_id, decide=completing(1)
        ):
            raise RuntimeError("it breaks")

    assert await current(ports, view.job.id) == view
    assert len(await ports.queue.extend([lease], lease_seconds=5)) == 1


async def test_a_transaction_of_an_attempt_that_was_given_up_leaves_nothing(ports: Ports) -> None:
    view, lease = await started(ports)

    def refuse(job: Job, _: OutcomeTransaction) -> JobEvent:
        raise AttemptGivenUp(job.id, attempt=1)

    with pytest.raises(AttemptGivenUp):
        async with ports.store.deciding(
            view.job.id, provenance=provenance(), settles=lease.msg_id, decide=refuse
        ) as transaction:
            transaction.result = "never kept"

    assert transaction.after is None
    assert await current(ports, view.job.id) == view
    assert len(await ports.queue.extend([lease], lease_seconds=5)) == 1


async def test_what_is_decided_is_decided_on_the_job_as_it_is_at_the_end(ports: Ports) -> None:
    view = await start(ports, await submit(ports))
    async with ports.store.deciding(
        view.job.id, provenance=provenance(), settles=None, decide=completing("done")
    ):
        await cancel(ports, view)
    events = await ports.store.read_stream(view.job.id)

    assert [recorded.version for recorded in events] == [1, 2, 3, 4]
    assert isinstance(events[-1].event, JobCompleted)
