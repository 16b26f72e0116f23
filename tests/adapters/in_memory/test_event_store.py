"""What the in-memory store does behind its port as PostgreSQL does it: where the bugs of readers hide."""

from collections.abc import Callable

import pytest

from domain import decisions
from domain.events import JobEvent
from domain.job import Job
from domain.job_types import OutcomeTransaction
from domain.views import JobView
from tests.builders import provenance
from tests.contracts.acts import start, submit
from tests.fakes.ports import InMemoryPorts, in_memory_ports


@pytest.fixture
def ports() -> InMemoryPorts:
    return in_memory_ports()


def complete(job: Job, _: OutcomeTransaction) -> JobEvent:
    return decisions.complete(job)


async def charge(ports: InMemoryPorts, view: JobView, meanwhile: Callable[[], None]) -> None:
    """Complete a job in a transaction with an effect, while something else goes on."""
    async with ports.store.deciding(
        view.job.id, provenance=provenance(), settles=None, decide=complete
    ) as transaction:
        transaction.connection.append("charged")
        meanwhile()


def ids(ports: InMemoryPorts) -> list[int]:
    return [stored.id for stored in ports.state.events]


def fall_over() -> None:
    raise RuntimeError("it falls over")


async def test_an_effect_is_seen_only_once_it_is_committed(ports: InMemoryPorts) -> None:
    view = await start(ports, await submit(ports))
    seen: list[list[object]] = []
    await charge(ports, view, lambda: seen.append(list(ports.state.effects)))

    assert seen == [[]]
    assert ports.state.effects == ["charged"]


async def test_a_rollback_takes_its_effects_along_and_burns_its_id(ports: InMemoryPorts) -> None:
    view = await start(ports, await submit(ports))
    with pytest.raises(RuntimeError, match="falls over"):
        await charge(ports, view, fall_over)
    burnt = ports.state.next_id() - 1
    await charge(ports, view, lambda: None)

    assert ports.state.effects == ["charged"]
    assert burnt not in ids(ports)


async def test_events_become_visible_out_of_the_order_of_their_ids(ports: InMemoryPorts) -> None:
    view = await start(ports, await submit(ports))
    async with ports.store.deciding(view.job.id, provenance=provenance(), settles=None, decide=complete):
        overtaking = await submit(ports)

    assert ports.state.events[-2].recorded.job_id == overtaking.job.id
    assert ids(ports) != sorted(ids(ports))


async def test_a_refused_change_burns_its_id(ports: InMemoryPorts) -> None:
    await submit(ports, unique_key="k")
    before = ports.state.next_id()
    with pytest.raises(AssertionError):
        await submit(ports, unique_key="k")

    assert ports.state.next_id() == before + 2
