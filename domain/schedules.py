"""Schedules: when to submit which job again and again. A schedule is the fold of its events, as a job is.

Its events are streams of their own, like all that is recorded beside jobs; `schedule_id` and `version` put
them in their order.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar, NamedTuple, NewType

from domain.events import personal
from domain.identifiers import JobId, Json, UserId

ScheduleId = NewType("ScheduleId", str)

MAX_SCHEDULES = 100
AT_ONCE = 1000
"""Occurrences looked at in one step."""
LATE_AFTER = timedelta(seconds=60)
"""An occurrence that is taken up later than this was missed."""


class MissedRuns(StrEnum):
    """What becomes of occurrences that passed while nobody could submit them."""

    SKIP = "skip"
    ONCE = "once"
    ALL = "all"


class Overlap(StrEnum):
    """What becomes of an occurrence while the job of the one before has not ended."""

    ALLOW = "allow"
    SKIP = "skip"


class JobTemplate(NamedTuple):
    """The job that each occurrence submits."""

    job_type: str
    job_parameters: Json = None
    priority: int = 0
    max_attempts: int | None = None
    timeout_seconds: int | None = None
    tags: tuple[str, ...] = ()
    group_key: str | None = None


class Definition(NamedTuple):
    """When, what, and how to deal with trouble; `cron` has five fields, read in `time_zone`."""

    cron: str
    time_zone: str
    template: JobTemplate
    missed_runs: MissedRuns = MissedRuns.ONCE
    overlap: Overlap = Overlap.ALLOW


class Schedule(NamedTuple):
    """`next_at` is the first occurrence that was not dealt with, None while it is paused or once removed."""

    id: ScheduleId
    user_id: UserId
    definition: Definition
    created_at: datetime
    version: int = 1
    next_at: datetime | None = None
    last_job_id: JobId | None = None
    is_paused: bool = False
    is_removed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleDefined:
    """Version 1 makes the schedule, a later one gives it another definition."""

    SCHEMA_VERSION: ClassVar[int] = 2
    schedule_id: str
    version: int
    user_id: str
    cron: str
    time_zone: str
    missed_runs: str
    overlap: str
    job_type: str
    priority: int
    max_attempts: int | None
    timeout_seconds: int | None
    job_parameters: Json = personal()
    tags: tuple[str, ...] = personal(())
    group_key: str | None = personal()


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulePaused:
    SCHEMA_VERSION: ClassVar[int] = 1
    schedule_id: str
    version: int
    reason: str | None = personal()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleResumed:
    SCHEMA_VERSION: ClassVar[int] = 1
    schedule_id: str
    version: int
    reason: str | None = personal()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleTriggered:
    """Somebody wanted a job of it outside its times."""

    SCHEMA_VERSION: ClassVar[int] = 1
    schedule_id: str
    version: int
    job_id: str
    reason: str | None = personal()


@dataclass(frozen=True, slots=True, kw_only=True)
class OccurrencesSkipped:
    """So many occurrences from the first to the last were not submitted; `why` is a policy's word."""

    SCHEMA_VERSION: ClassVar[int] = 1
    schedule_id: str
    version: int
    count: int
    first_at: datetime
    last_at: datetime
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRemoved:
    SCHEMA_VERSION: ClassVar[int] = 1
    schedule_id: str
    version: int
    reason: str | None = personal()


ScheduleEvent = (
    ScheduleDefined
    | SchedulePaused
    | ScheduleResumed
    | ScheduleTriggered
    | OccurrencesSkipped
    | ScheduleRemoved
)


class Plan(NamedTuple):
    """What a step does: occurrences to submit, what it skips and why, and which one is next."""

    runs: tuple[datetime, ...]
    skipped: tuple[datetime, ...]
    why: str
    next_at: datetime | None


def plan(
    schedule: Schedule, *, due: list[datetime], upcoming: datetime | None, now: datetime, is_busy: bool
) -> Plan:
    """`due` are the occurrences from `next_at` on that have come, `upcoming` is the one after them.

    `upcoming` may have come too, when there are more than one step deals with. `is_busy` says that the job of
    the last occurrence has not ended.
    """
    policy = schedule.definition.missed_runs
    is_last_step = upcoming is None or upcoming > now
    if policy is MissedRuns.ALL:
        runs = due
    elif policy is MissedRuns.ONCE:
        runs = due[-1:] if is_last_step else []
    else:
        runs = [at for at in due if now - at <= LATE_AFTER]
    why = "missed"
    if schedule.definition.overlap is Overlap.SKIP and (is_busy or len(runs) > 1):
        why = "overlap" if runs else why
        runs = [] if is_busy else runs[:1]
    skipped = tuple(at for at in due if at not in set(runs))
    return Plan(tuple(runs), skipped, why, upcoming)


def occurrence_key(schedule_id: ScheduleId, at: datetime) -> str:
    """The idempotency key of an occurrence's job: it is submitted once, by whomever and however often."""
    return f"schedule/{schedule_id}/{at.isoformat()}"


def tag_of(schedule_id: ScheduleId) -> str:
    return f"schedule:{schedule_id}"


def defined(schedule: Schedule) -> ScheduleDefined:
    """The event that says the schedule's definition as it is in `schedule`."""
    definition = schedule.definition
    template: dict[str, Any] = definition.template._asdict()
    return ScheduleDefined(
        schedule_id=schedule.id,
        version=schedule.version,
        user_id=schedule.user_id,
        cron=definition.cron,
        time_zone=definition.time_zone,
        missed_runs=definition.missed_runs.value,
        overlap=definition.overlap.value,
        **template,
    )


def skipped_event(schedule: Schedule, made: Plan) -> OccurrencesSkipped:
    return OccurrencesSkipped(
        schedule_id=schedule.id,
        version=schedule.version + 1,
        count=len(made.skipped),
        first_at=made.skipped[0],
        last_at=made.skipped[-1],
        why=made.why,
    )
