"""What users do with their schedules."""

from collections.abc import Callable
from datetime import datetime

from domain.errors import FieldProblem, InvalidSubmission, ScheduleNotFound, StorageUnavailable
from domain.identifiers import JobId, UserId
from domain.job_types import JobTypes
from domain.ports.calendar import Calendar
from domain.ports.event_store import Appended, EventStore
from domain.ports.hints import Hints, Topic
from domain.ports.parameters import ParameterParser
from domain.ports.schedules import Schedules
from domain.ports.system import Clock, Ids
from domain.schedules import (
    MAX_SCHEDULES,
    Definition,
    Schedule,
    ScheduleEvent,
    ScheduleId,
    SchedulePaused,
    ScheduleRemoved,
    ScheduleResumed,
    ScheduleTriggered,
    defined,
)
from domain.use_cases.command import Caller
from domain.use_cases.run_schedules import change_of

MAX_TRIES = 5


Decide = Callable[[Schedule], tuple[Schedule, ScheduleEvent]]


async def create_schedule(
    schedules: Schedules,
    calendar: Calendar,
    types: JobTypes,
    parser: ParameterParser,
    clock: Clock,
    ids: Ids,
    *,
    caller: Caller,
    definition: Definition,
) -> Schedule:
    """A schedule that begins with the next occurrence; raises InvalidSubmission."""
    first = check(calendar, types, parser, definition, clock.now())
    if len(await schedules.of_user(caller.user_id)) >= MAX_SCHEDULES:
        detail = f"You have {MAX_SCHEDULES} schedules already; remove one first."
        raise InvalidSubmission([FieldProblem(pointer="", detail=detail)])
    schedule = Schedule(
        id=ScheduleId(ids.command_id()),
        user_id=caller.user_id,
        definition=definition,
        created_at=clock.now(),
        next_at=first,
    )
    if not await schedules.append(schedule, defined(schedule), caller.provenance):
        raise AssertionError("a new id cannot be taken")
    return schedule


async def find_schedule(schedules: Schedules, *, user_id: UserId, schedule_id: ScheduleId) -> Schedule:
    """The user's schedule; raises ScheduleNotFound, also for other people's and removed ones."""
    schedule = await schedules.get(schedule_id)
    if schedule is None or schedule.user_id != user_id or schedule.is_removed:
        raise ScheduleNotFound(schedule_id)
    return schedule


async def define_schedule(
    schedules: Schedules,
    calendar: Calendar,
    types: JobTypes,
    parser: ParameterParser,
    clock: Clock,
    *,
    caller: Caller,
    schedule_id: ScheduleId,
    definition: Definition,
) -> Schedule:
    """Give the schedule another definition; raises ScheduleNotFound, InvalidSubmission."""
    first = check(calendar, types, parser, definition, clock.now())

    def decide(before: Schedule) -> tuple[Schedule, ScheduleEvent]:
        next_at = None if before.is_paused else first
        after = before._replace(definition=definition, next_at=next_at, version=before.version + 1)
        return after, defined(after)

    return await _act(schedules, caller, schedule_id, decide)


async def pause_schedule(
    schedules: Schedules, *, caller: Caller, schedule_id: ScheduleId, reason: str
) -> Schedule:
    """Submit nothing until it is resumed: what would have come meanwhile is not missed, but unwanted."""

    def decide(before: Schedule) -> tuple[Schedule, ScheduleEvent]:
        after = before._replace(is_paused=True, next_at=None, version=before.version + 1)
        return after, SchedulePaused(schedule_id=before.id, version=after.version, reason=reason)

    return await _act(schedules, caller, schedule_id, decide)


async def resume_schedule(
    schedules: Schedules,
    calendar: Calendar,
    clock: Clock,
    *,
    caller: Caller,
    schedule_id: ScheduleId,
    reason: str,
) -> Schedule:
    """Go on with the next occurrence from now; one that is not paused stays as it is."""
    now = clock.now()

    def decide(before: Schedule) -> tuple[Schedule, ScheduleEvent]:
        next_at = before.next_at or next_time(calendar, before.definition, now)
        after = before._replace(is_paused=False, next_at=next_at, version=before.version + 1)
        return after, ScheduleResumed(schedule_id=before.id, version=after.version, reason=reason)

    return await _act(schedules, caller, schedule_id, decide)


async def trigger_schedule(
    schedules: Schedules,
    store: EventStore,
    types: JobTypes,
    hints: Hints,
    clock: Clock,
    ids: Ids,
    *,
    caller: Caller,
    schedule_id: ScheduleId,
    reason: str,
) -> JobId:
    """Submit the schedule's job now, whatever its times and also while it is paused; the job."""
    schedule = await find_schedule(schedules, user_id=caller.user_id, schedule_id=schedule_id)
    key = f"schedule/{schedule.id}/trigger/{caller.provenance.command_id}"
    change = change_of(schedule, key, types, clock, ids, caller.provenance)
    (outcome,) = await store.append([change])
    assert isinstance(outcome, Appended), "a command's id cannot be taken"  # noqa: S101 - narrows
    hints.announce(Topic.OUTBOX)

    def decide(before: Schedule) -> tuple[Schedule, ScheduleEvent]:
        after = before._replace(last_job_id=change.job_id, version=before.version + 1)
        return after, ScheduleTriggered(
            schedule_id=before.id, version=after.version, job_id=change.job_id, reason=reason
        )

    await _act(schedules, caller, schedule_id, decide)
    return change.job_id


async def remove_schedule(
    schedules: Schedules, *, caller: Caller, schedule_id: ScheduleId, reason: str
) -> None:
    """Submit nothing more; its jobs and its history stay."""

    def decide(before: Schedule) -> tuple[Schedule, ScheduleEvent]:
        after = before._replace(is_removed=True, next_at=None, version=before.version + 1)
        return after, ScheduleRemoved(schedule_id=before.id, version=after.version, reason=reason)

    await _act(schedules, caller, schedule_id, decide)


def check(
    calendar: Calendar, types: JobTypes, parser: ParameterParser, definition: Definition, now: datetime
) -> datetime:
    """The first time that the definition means; raises InvalidSubmission."""
    kind = types.offered().get(definition.template.job_type)
    if kind is None:
        detail = (
            f"There is no job type {definition.template.job_type!r}; known are {', '.join(types.offered())}."
        )
        raise InvalidSubmission([FieldProblem(pointer="/job/job_type", detail=detail)])
    try:
        parser.parse(kind, definition.template.job_parameters)
    except InvalidSubmission as error:
        inside = [FieldProblem(pointer=f"/job{it.pointer}", detail=it.detail) for it in error.problems]
        raise InvalidSubmission(inside) from None
    first = next_time(calendar, definition, now)
    if first is None:
        detail = "This expression never comes due."
        raise InvalidSubmission([FieldProblem(pointer="/cron", detail=detail)])
    return first


def next_time(calendar: Calendar, definition: Definition, at: datetime) -> datetime | None:
    times = upcoming(calendar, definition.cron, definition.time_zone, at, count=1)
    return times[0] if times else None


def upcoming(calendar: Calendar, cron: str, time_zone: str, at: datetime, *, count: int) -> list[datetime]:
    """The next times after `at`; raises InvalidSubmission."""
    try:
        return calendar.after(cron, time_zone, at, limit=count)
    except ValueError as error:
        pointer = "/time_zone" if "time zone" in str(error) else "/cron"
        raise InvalidSubmission([FieldProblem(pointer=pointer, detail=str(error))]) from None


async def _act(schedules: Schedules, caller: Caller, schedule_id: ScheduleId, decide: Decide) -> Schedule:
    for _ in range(MAX_TRIES):
        before = await find_schedule(schedules, user_id=caller.user_id, schedule_id=schedule_id)
        after, event = decide(before)
        if await schedules.append(after, event, caller.provenance):
            return after
    raise StorageUnavailable("The schedule keeps changing; try again.")
