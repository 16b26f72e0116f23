"""Readings of the whole service: how often they are made, what they count, and what an outage leaves."""

import pytest

from domain import decisions
from domain.job_types import JobTypes
from domain.ports.vitals import Vitals, VitalSigns
from domain.sample_task import sample_task
from entrypoints.metrics import catalogue
from entrypoints.metrics.catalogue import Metric
from entrypoints.metrics.readings import Readings
from entrypoints.metrics.tallies import Samples
from tests.contracts.acts import append, start, submit
from tests.contracts.test_limits import pause
from tests.fakes.ports import InMemoryPorts, in_memory_ports


@pytest.fixture
def ports() -> InMemoryPorts:
    return in_memory_ports()


@pytest.fixture
def readings(ports: InMemoryPorts) -> Readings:
    return reading(ports, every_seconds=0)


def reading(ports: InMemoryPorts, *, every_seconds: float, vitals: VitalSigns | None = None) -> Readings:
    types = JobTypes([sample_task])
    return Readings(
        vitals or ports.vitals, ports.statistics, ports.workers, types, every_seconds=every_seconds
    )


def told(readings: Readings) -> dict[Metric, Samples]:
    return dict(readings.samples())


def events(readings: Readings) -> dict[tuple[str, ...], float]:
    return dict(dict(readings.events.samples()).get(catalogue.EVENTS, {}))


async def complete_one(ports: InMemoryPorts, *, takes_seconds: float, **asked: object) -> None:
    view = await start(ports, await submit(ports, **asked))
    ports.clock.advance(takes_seconds)
    await append(ports, view, decisions.complete(view.job, result=None, data_references=()))


async def count(ports: InMemoryPorts) -> None:
    while await ports.statistics.advance(limit=1000):
        pass


async def test_what_happened_before_the_first_look_is_not_counted_and_all_after_it_once(
    ports: InMemoryPorts, readings: Readings
) -> None:
    await complete_one(ports, takes_seconds=1)
    await count(ports)
    await readings.refresh()
    before = events(readings)
    for _ in range(3):
        await complete_one(ports, takes_seconds=2)
    await count(ports)
    await readings.refresh()
    await readings.refresh()

    assert before == {}
    assert events(readings) == {
        ("sample_task", "JobSubmitted"): 3,
        ("sample_task", "AttemptStarted"): 3,
        ("sample_task", "JobCompleted"): 3,
    }


async def test_events_that_statistics_come_to_late_are_counted_all_the_same(
    ports: InMemoryPorts, readings: Readings
) -> None:
    await readings.refresh()
    await submit(ports)
    ports.clock.advance(3600)
    await readings.refresh()
    ports.clock.advance(3600)
    await count(ports)
    await readings.refresh()

    assert events(readings) == {("sample_task", "JobSubmitted"): 1}


async def test_how_long_attempts_took_is_told_in_buckets(ports: InMemoryPorts, readings: Readings) -> None:
    await readings.refresh()
    await complete_one(ports, takes_seconds=3)
    await count(ports)
    await readings.refresh()
    durations = dict(readings.events.histograms())[catalogue.ATTEMPT_SECONDS]["sample_task",]
    (bucket,) = [index for index, times in enumerate(durations.counts) if times]

    assert (durations.bounds[bucket - 1], durations.bounds[bucket]) == (2.048, 4.096)
    assert durations.seconds == pytest.approx(3, rel=0.2)


async def test_job_types_that_nobody_knows_share_one_label(ports: InMemoryPorts, readings: Readings) -> None:
    for name in ("gone", "gone_too"):
        await submit(ports, job_type=name)
    await submit(ports)
    await count(ports)
    await readings.refresh()

    assert told(readings)[catalogue.JOBS] == {("other", "pending"): 2, ("sample_task", "pending"): 1}


async def test_the_oldest_due_job_is_the_one_that_waits_longest_wherever_it_is(
    ports: InMemoryPorts, readings: Readings
) -> None:
    await submit(ports)
    await ports.outbox.relay(limit=1, max_visible=10)
    ports.clock.advance(40)
    await submit(ports)
    ports.clock.advance(2)
    await readings.refresh()

    assert told(readings)[catalogue.OLDEST_DUE] == {(): 42}


async def test_many_who_ask_at_once_share_one_reading(ports: InMemoryPorts) -> None:
    read = Counted(ports)
    readings = reading(ports, every_seconds=60, vitals=read)
    for _ in range(5):
        await readings.refresh()

    assert read.times == 1


class Counted:
    def __init__(self, ports: InMemoryPorts) -> None:
        self._vitals = ports.vitals
        self.times = 0

    async def read(self) -> Vitals:
        self.times += 1
        return await self._vitals.read()


async def test_in_an_outage_the_last_reading_stays_and_is_said_to_be_old(
    ports: InMemoryPorts, readings: Readings
) -> None:
    await submit(ports)
    await readings.refresh()
    well = told(readings)
    ports.state.is_reachable = False
    await readings.refresh()
    ailing = told(readings)
    ports.state.is_reachable = True
    await readings.refresh()

    assert (well[catalogue.DATABASE_UP], ailing[catalogue.DATABASE_UP]) == ({(): 1.0}, {(): 0.0})
    assert ailing[catalogue.DUE] == well[catalogue.DUE] == {("local",): 1, ("remote",): 0}
    assert told(readings)[catalogue.DATABASE_UP] == {(): 1.0}


async def test_without_any_reading_nothing_is_made_up(ports: InMemoryPorts, readings: Readings) -> None:
    ports.state.is_reachable = False
    await readings.refresh()

    assert told(readings) == {catalogue.DATABASE_UP: {(): 0.0}}


async def test_a_paused_queue_is_no_relay_that_is_behind(ports: InMemoryPorts, readings: Readings) -> None:
    await submit(ports)
    await pause(ports, "sample_task")
    ports.clock.advance(3600)
    await readings.refresh()
    samples = told(readings)
    assert readings.last

    assert (samples[catalogue.PAUSED_QUEUES], samples[catalogue.HELD_JOBS]) == ({(): 1}, {(): 1})
    assert samples[catalogue.OLDEST_HELD] == {(): 3600.0}
    assert (samples[catalogue.RELAY_LAG], samples[catalogue.OLDEST_DUE]) == ({(): 0.0}, {(): 0.0})
    assert readings.last.backlog == 0
