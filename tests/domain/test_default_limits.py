"""The settings' limits are kept as everybody's, and an operator's are left alone."""

from domain import limits
from domain.limits import EVERY, Limit
from domain.use_cases.default_limits import keep_default_limits
from domain.use_cases.limits import set_limit
from tests.builders import provenance
from tests.fakes.ports import InMemoryPorts, in_memory_ports
from tests.fakes.system import CountingIds

EVERYBODY = limits.user(EVERY)


async def kept(ports: InMemoryPorts, **wanted: int) -> list[Limit]:
    await keep_default_limits(ports.limits, ports.hints, CountingIds(), wanted=[Limit(EVERYBODY, **wanted)])  # type: ignore[arg-type]  # a test's shorthand
    return await ports.limits.active()


async def test_what_the_settings_say_holds_for_everybody_and_is_recorded_once() -> None:
    ports = in_memory_ports()
    await kept(ports, concurrency=5)

    assert await kept(ports, concurrency=5) == [Limit(EVERYBODY, 1, concurrency=5)]
    assert [record.actor.id for record in await ports.limits.history(EVERYBODY)] == ["settings"]


async def test_what_the_settings_say_no_more_is_taken_back() -> None:
    ports = in_memory_ports()
    await kept(ports, concurrency=5)

    assert await kept(ports) == []


async def test_what_an_operator_set_stays_where_the_settings_say_nothing() -> None:
    ports = in_memory_ports()
    wanted = Limit(EVERYBODY, concurrency=7)
    await set_limit(ports.limits, ports.hints, wanted=wanted, reason="so", provenance=provenance())

    assert await kept(ports) == [wanted._replace(version=1)]
