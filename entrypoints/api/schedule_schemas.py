"""Schedules, as requests ask for them and answers show them."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field, StringConstraints

from domain.errors import FieldProblem, InvalidSubmission
from domain.ports.schedules import ScheduleRecord
from domain.schedules import Definition, JobTemplate, MissedRuns, Overlap, Schedule
from entrypoints.api.answers import instant
from entrypoints.api.schemas import GroupKey, Name, Reason, Request, SubmitJob, Tag

Cron = Annotated[str, StringConstraints(min_length=9, max_length=200)]
TimeZone = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class TemplateIn(Request):
    """The job that each occurrence submits, as `POST /jobs` takes it."""

    job_type: Name = Field(examples=["sample_task"])
    job_parameters: dict[str, Any] = Field(default_factory=dict, examples=[{"steps": 3}])
    priority: int = Field(0, ge=0, le=9)
    max_attempts: int | None = Field(None, ge=1, le=100)
    timeout_seconds: int | None = Field(None, ge=1, le=86_400)
    tags: list[Tag] = Field(default_factory=list, max_length=19)
    group_key: GroupKey | None = None

    def template(self) -> JobTemplate:
        # What a job must keep to, the job of an occurrence must keep to as well.
        try:
            SubmitJob(job_type=self.job_type, job_parameters=self.job_parameters)
        except InvalidSubmission as error:
            inside = [FieldProblem(pointer=f"/job{it.pointer}", detail=it.detail) for it in error.problems]
            raise InvalidSubmission(inside) from None
        return JobTemplate(**self.model_dump(exclude={"tags"}), tags=tuple(self.tags))


class DefineSchedule(Request):
    """Five cron fields in a time zone, and how to deal with missed runs and with a job that still runs."""

    cron: Cron = Field(examples=["30 2 * * *"])
    time_zone: TimeZone = Field("UTC", examples=["Europe/Berlin"])
    job: TemplateIn
    missed_runs: Annotated[MissedRuns, Field(strict=False)] = MissedRuns.ONCE
    overlap: Annotated[Overlap, Field(strict=False)] = Overlap.ALLOW

    def definition(self) -> Definition:
        return Definition(self.cron, self.time_zone, self.job.template(), self.missed_runs, self.overlap)


class PreviewRuns(Request):
    cron: Cron = Field(examples=["0 9 * * MON-FRI"])
    time_zone: TimeZone = "UTC"
    count: int = Field(10, ge=1, le=100)


class ActOnSchedule(Request):
    reason: Reason


class TemplateOut(BaseModel):
    job_type: str
    job_parameters: Any
    priority: int
    max_attempts: int | None
    timeout_seconds: int | None
    tags: list[str]
    group_key: str | None


class ScheduleOut(BaseModel):
    """`next_at` is None while it is paused; `last_job_id` is the job of the last occurrence or trigger."""

    id: str
    version: int
    cron: str
    time_zone: str
    job: TemplateOut
    missed_runs: str
    overlap: str
    is_paused: bool
    next_at: datetime | None
    last_job_id: str | None
    created_at: datetime


class SchedulesOut(BaseModel):
    schedules: list[ScheduleOut]


class RunsOut(BaseModel):
    runs: list[datetime]


class TriggeredOut(BaseModel):
    job_id: str


class ScheduleEventOut(BaseModel):
    version: int
    type: str
    recorded_at: datetime
    actor: dict[str, str]
    data: dict[str, Any]


class ScheduleEventsOut(BaseModel):
    events: list[ScheduleEventOut]


def schedule_out(schedule: Schedule) -> dict[str, Any]:
    definition = schedule.definition
    return {
        "id": schedule.id,
        "version": schedule.version,
        "cron": definition.cron,
        "time_zone": definition.time_zone,
        "job": definition.template._asdict() | {"tags": list(definition.template.tags)},
        "missed_runs": definition.missed_runs.value,
        "overlap": definition.overlap.value,
        "is_paused": schedule.is_paused,
        "next_at": instant(schedule.next_at),
        "last_job_id": schedule.last_job_id,
        "created_at": instant(schedule.created_at),
    }


def schedule_event_out(record: ScheduleRecord) -> dict[str, Any]:
    return {
        "version": record.version,
        "type": record.type,
        "recorded_at": instant(record.recorded_at),
        "actor": {"kind": record.actor.kind.value, "id": record.actor.id},
        "data": record.said,
    }
