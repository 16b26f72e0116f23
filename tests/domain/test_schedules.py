"""Schedules: each occurrence once, missed ones by policy, through changes of the clock and crashes."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from adapters.cron import CronCalendar
from adapters.parameters import PydanticParameterParser
from domain import decisions
from domain.errors import InvalidSubmission, ScheduleNotFound
from domain.identifiers import JobId, UserId
from domain.job_types import JobTypes
from domain.ports.event_store import Change
from domain.ports.job_views import JobFilter
from domain.sample_task import sample_task
from domain.schedules import Definition, JobTemplate, MissedRuns, Overlap, Schedule
from domain.use_cases.command import Caller
from domain.use_cases.run_schedules import run_schedules
from domain.use_cases.schedules import (
    create_schedule,
    define_schedule,
    find_schedule,
    pause_schedule,
    remove_schedule,
    resume_schedule,
    trigger_schedule,
)
from domain.views import JobView
from tests.builders import provenance
from tests.fakes.ports import InMemoryPorts, in_memory_ports
from tests.fakes.system import CountingIds

ME, OTHER = UserId("user-1"), UserId("user-2")
TYPES = JobTypes([sample_task])
PARSER = PydanticParameterParser(TYPES)
CALENDAR = CronCalendar()
EVERY_HOUR = Definition("0 * * * *", "UTC", JobTemplate("sample_task", {"steps": 1}))


@dataclass
class World:
    ports: InMemoryPorts = field(default_factory=in_memory_ports)
    ids: CountingIds = field(default_factory=CountingIds)

    async def create(self, definition: Definition = EVERY_HOUR, user_id: UserId = ME) -> Schedule:
        caller = Caller(user_id, provenance())
        return await create_schedule(
            self.ports.schedules, CALENDAR, TYPES, PARSER, self.ports.clock, self.ids,
            caller=caller, definition=definition,
        )  # fmt: skip

    async def pass_time(self, **time: float) -> None:
        self.ports.clock.advance(timedelta(**time).total_seconds())
        while await self.step():
            pass

    async def step(self) -> int:
        ports = self.ports
        return await run_schedules(
            ports.schedules, CALENDAR, ports.store, ports.views, TYPES, ports.hints, ports.clock, self.ids,
            limit=10,
        )  # fmt: skip

    async def jobs(self) -> list[JobView]:
        page = await self.ports.views.newest(JobFilter(user_id=ME), limit=5000, look=None)
        return page.views[::-1]

    async def times(self) -> list[str]:
        """The times of the occurrences that were submitted, out of their jobs' keys."""
        keys = [view.idempotency_key or "" for view in await self.jobs()]
        return [datetime.fromisoformat(key.split("/")[2]).strftime("%d %H:%M") for key in keys]

    async def history(self, schedule: Schedule) -> list[str]:
        return [record.type for record in await self.ports.schedules.history(schedule.id)]

    async def now(self, schedule: Schedule) -> Schedule:
        return await find_schedule(self.ports.schedules, user_id=ME, schedule_id=schedule.id)

    def at(self, when: str) -> None:
        self.ports.clock.at = datetime.fromisoformat(when).replace(tzinfo=UTC)


@pytest.fixture
def world() -> World:
    made = World()
    made.at("2026-06-01T11:59:30")
    return made


async def test_a_job_is_submitted_at_each_time(world: World) -> None:
    schedule = await world.create()
    await world.pass_time(minutes=1)
    await world.pass_time(hours=1)

    assert await world.times() == ["01 12:00", "01 13:00"]
    (first, _) = await world.jobs()
    assert (first.job.user_id, first.job.job_type, first.job_parameters) == (ME, "sample_task", {"steps": 1})
    assert first.tags == (f"schedule:{schedule.id}",)
    after = await world.now(schedule)
    assert after.next_at == datetime(2026, 6, 1, 14, tzinfo=UTC)


async def test_nothing_is_submitted_before_its_time(world: World) -> None:
    await world.create()
    await world.pass_time(seconds=20)

    assert await world.jobs() == []


@pytest.mark.parametrize(
    ("policy", "submitted", "skipped"),
    [
        (MissedRuns.ALL, ["01 12:00", "01 13:00", "01 14:00"], 0),
        (MissedRuns.ONCE, ["01 14:00"], 2),
        (MissedRuns.SKIP, [], 3),
    ],
)
async def test_missed_times_are_dealt_with_by_policy_and_what_is_left_out_is_recorded(
    world: World, policy: MissedRuns, submitted: list[str], skipped: int
) -> None:
    schedule = await world.create(EVERY_HOUR._replace(missed_runs=policy))
    await world.pass_time(hours=2, minutes=30)

    assert await world.times() == submitted
    records = await world.ports.schedules.history(schedule.id)
    assert [record.said.get("count") for record in records[1:]] == ([skipped] if skipped else [])
    after = await world.now(schedule)
    assert after.next_at == datetime(2026, 6, 1, 15, tzinfo=UTC)


async def test_a_long_absence_is_caught_up_with_in_steps(world: World) -> None:
    every_minute = EVERY_HOUR._replace(cron="* * * * *")
    await world.create(every_minute._replace(missed_runs=MissedRuns.ALL))
    await world.create(every_minute._replace(missed_runs=MissedRuns.ONCE))
    await world.pass_time(hours=40)

    assert len(await world.jobs()) == 2400 + 1


async def test_through_the_spring_change_no_day_is_missed_and_through_the_autumn_none_doubled(
    world: World,
) -> None:
    nightly = EVERY_HOUR._replace(cron="30 2 * * *", time_zone="Europe/Berlin")
    world.at("2026-03-27T12:00")
    await world.create(nightly)
    for _ in range(4 * 24 * 4):
        await world.pass_time(minutes=15)
    spring = await world.times()
    world.at("2026-10-23T12:00")
    await world.step()
    before = len(await world.times())
    for _ in range(4 * 24 * 4):
        await world.pass_time(minutes=15)

    assert spring == ["28 01:30", "29 01:00", "30 00:30", "31 00:30"]
    assert (await world.times())[before:] == ["24 00:30", "25 00:30", "26 01:30", "27 01:30"]


async def test_a_crash_before_it_moves_on_doubles_nothing(world: World) -> None:
    schedule = await world.create()
    before = await world.now(schedule)
    await world.pass_time(minutes=1)
    # As if it had died between the submission and moving on, and somebody else took the step again.
    after = await world.now(schedule)
    assert await world.ports.schedules.advance(after, before)
    await world.step()

    assert await world.times() == ["01 12:00"]
    assert (await world.now(schedule)).last_job_id == after.last_job_id


async def test_while_the_last_job_runs_an_occurrence_may_be_left_out(world: World) -> None:
    schedule = await world.create(EVERY_HOUR._replace(overlap=Overlap.SKIP))
    await world.pass_time(minutes=1)
    await world.pass_time(hours=1)
    assert await world.times() == ["01 12:00"]
    records = await world.ports.schedules.history(schedule.id)
    assert [(record.type, record.said.get("why")) for record in records[1:]] == [
        ("OccurrencesSkipped", "overlap"),
    ]  # fmt: skip

    (view,) = await world.jobs()
    event = decisions.cancel(view.job, reason="enough")
    await world.ports.store.append([Change(view.job.id, view, event, provenance())])
    await world.pass_time(hours=1)
    assert await world.times() == ["01 12:00", "01 14:00"]


async def test_what_passes_while_it_is_paused_is_not_missed(world: World) -> None:
    schedule = await world.create(EVERY_HOUR._replace(missed_runs=MissedRuns.ALL))
    caller = Caller(ME, provenance())
    schedules, clock = world.ports.schedules, world.ports.clock
    await pause_schedule(schedules, caller=caller, schedule_id=schedule.id, reason="maintenance")
    await world.pass_time(hours=5)
    await resume_schedule(schedules, CALENDAR, clock, caller=caller, schedule_id=schedule.id, reason="over")
    await world.pass_time(hours=1)

    assert await world.times() == ["01 17:00"]
    assert await world.history(schedule) == ["ScheduleDefined", "SchedulePaused", "ScheduleResumed"]


async def test_it_can_be_triggered_also_while_it_is_paused(world: World) -> None:
    schedule = await world.create()
    caller = Caller(ME, provenance())
    ports = world.ports
    await pause_schedule(ports.schedules, caller=caller, schedule_id=schedule.id, reason="maintenance")
    job_id = await trigger_schedule(
        ports.schedules, ports.store, TYPES, ports.hints, ports.clock, world.ids,
        caller=caller, schedule_id=schedule.id, reason="asked for",
    )  # fmt: skip

    assert [view.job.id for view in await world.jobs()] == [JobId(job_id)]
    assert await world.history(schedule) == ["ScheduleDefined", "SchedulePaused", "ScheduleTriggered"]
    assert (await world.now(schedule)).is_paused


async def test_another_definition_begins_with_the_first_of_its_times_from_now(world: World) -> None:
    schedule = await world.create()
    await define_schedule(
        world.ports.schedules, CALENDAR, TYPES, PARSER, world.ports.clock,
        caller=Caller(ME, provenance()), schedule_id=schedule.id,
        definition=EVERY_HOUR._replace(cron="15 * * * *"),
    )  # fmt: skip
    await world.pass_time(hours=1)

    assert await world.times() == ["01 12:15"]
    assert await world.history(schedule) == ["ScheduleDefined", "ScheduleDefined"]


async def test_a_removed_schedule_submits_nothing_and_cannot_be_found(world: World) -> None:
    schedule = await world.create()
    caller = Caller(ME, provenance())
    await remove_schedule(world.ports.schedules, caller=caller, schedule_id=schedule.id, reason="done")
    await world.pass_time(hours=3)

    assert await world.jobs() == []
    with pytest.raises(ScheduleNotFound):
        await world.now(schedule)
    assert await world.history(schedule) == ["ScheduleDefined", "ScheduleRemoved"]


async def test_other_peoples_schedules_do_not_exist(world: World) -> None:
    theirs = await world.create(user_id=OTHER)
    with pytest.raises(ScheduleNotFound):
        await world.now(theirs)
    with pytest.raises(ScheduleNotFound):
        await pause_schedule(
            world.ports.schedules, caller=Caller(ME, provenance()), schedule_id=theirs.id, reason="mine"
        )


@pytest.mark.parametrize(
    ("definition", "pointer"),
    [
        (EVERY_HOUR._replace(cron="61 * * * *"), "/cron"),
        (EVERY_HOUR._replace(cron="0 0 30 2 *"), "/cron"),
        (EVERY_HOUR._replace(time_zone="Mars/Base"), "/time_zone"),
        (EVERY_HOUR._replace(template=JobTemplate("nobody_knows")), "/job/job_type"),
        (EVERY_HOUR._replace(template=JobTemplate("sample_task", {"steps": 0})), "/job/job_parameters"),
    ],
)
async def test_what_cannot_be_a_schedule_is_refused_by_its_field(
    world: World, definition: Definition, pointer: str
) -> None:
    with pytest.raises(InvalidSubmission) as raised:
        await world.create(definition)

    assert [problem.pointer for problem in raised.value.problems] == [pointer]
