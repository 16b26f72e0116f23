"""A database in memory can go away too, and nothing is half-written when it does."""

from collections.abc import Awaitable, Callable

import pytest

from adapters.in_memory.health import InMemoryHealth
from domain import decisions
from domain.errors import StorageUnavailable
from domain.events import JobEvent
from domain.identifiers import JobId, MessageId, WorkerId
from domain.job import Job
from domain.job_types import OutcomeTransaction
from domain.ports.health import Health
from domain.ports.job_queue import Delivery
from domain.ports.job_views import JobFilter
from domain.ports.workers import Presence
from tests.builders import provenance, submission
from tests.contracts.acts import start, submit
from tests.fakes.ports import InMemoryPorts, in_memory_ports

JOB = JobId("019a0000-0000-7000-8000-000000000001")
DELIVERY = Delivery(MessageId(1), 1, None, None, "{}")
PRESENCE = Presence(WorkerId("worker-1"), "local", (), 1, 0)

CALLS: dict[str, Callable[[InMemoryPorts], Awaitable[object]]] = {
    "health.check": lambda ports: InMemoryHealth(ports.state).check(),
    "store.append": lambda ports: ports.store.append([submission()]),
    "store.read_stream": lambda ports: ports.store.read_stream(JOB),
    "views.get": lambda ports: ports.views.get(JOB),
    "views.get_many": lambda ports: ports.views.get_many([JOB]),
    "views.newest": lambda ports: ports.views.newest(JobFilter(), limit=1),
    "outbox.relay": lambda ports: ports.outbox.relay(limit=1, max_visible=1),
    "queue.receive": lambda ports: ports.queue.receive(limit=1, lease_seconds=1),
    "queue.extend": lambda ports: ports.queue.extend([DELIVERY.lease], lease_seconds=1),
    "queue.delete": lambda ports: ports.queue.delete([DELIVERY.lease]),
    "queue.park": lambda ports: ports.queue.park(DELIVERY, error="no"),
    "recovery.suspects": lambda ports: ports.recovery.suspects(after=None, limit=1, silent_for_seconds=1),
    "recovery.make_months_ahead": lambda ports: ports.recovery.make_months_ahead(),
    "workers.beat": lambda ports: ports.workers.beat(PRESENCE, alive_for_seconds=1),
    "workers.leave": lambda ports: ports.workers.leave(PRESENCE.worker_id),
    "workers.living": lambda ports: ports.workers.living(),
}


@pytest.fixture
def ports() -> InMemoryPorts:
    return in_memory_ports()


def complete(job: Job, _: OutcomeTransaction) -> JobEvent:
    return decisions.complete(job)


async def charge_while_it_goes_away(ports: InMemoryPorts, job_id: JobId) -> None:
    async with ports.store.deciding(
        job_id, provenance=provenance(), settles=None, decide=complete
    ) as transaction:
        transaction.connection.append("charged")
        ports.state.is_reachable = False


@pytest.mark.parametrize("name", CALLS)
async def test_without_a_database_every_call_says_so(ports: InMemoryPorts, name: str) -> None:
    await CALLS[name](ports)
    ports.state.is_reachable = False

    with pytest.raises(StorageUnavailable):
        await CALLS[name](ports)


async def test_health_comes_back_with_the_database(ports: InMemoryPorts) -> None:
    health: Health = InMemoryHealth(ports.state)
    ports.state.is_reachable = False
    with pytest.raises(StorageUnavailable, match="cannot be reached"):
        await health.check()
    ports.state.is_reachable = True

    await health.check()


async def test_a_database_that_goes_away_before_the_commit_rolls_back(ports: InMemoryPorts) -> None:
    view = await start(ports, await submit(ports))
    with pytest.raises(StorageUnavailable):
        await charge_while_it_goes_away(ports, view.job.id)
    ports.state.is_reachable = True

    assert ports.state.effects == []
    assert await ports.views.get(view.job.id) == view
