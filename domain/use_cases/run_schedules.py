"""Submit the jobs of schedules whose time has come: each occurrence once, and none forgotten."""

from datetime import datetime

from domain.decisions import submit
from domain.events import Actor, ActorKind, Provenance
from domain.identifiers import JobId
from domain.job_types import JobTypes
from domain.ports.calendar import Calendar
from domain.ports.event_store import Appended, Change, EventStore, KeyTaken
from domain.ports.hints import Hints, Topic
from domain.ports.job_views import JobViews
from domain.ports.schedules import Schedules
from domain.ports.system import Clock, Ids
from domain.schedules import (
    AT_ONCE,
    Overlap,
    Plan,
    Schedule,
    occurrence_key,
    plan,
    skipped_event,
    tag_of,
)

CLOCKWORK = Actor(ActorKind.SYSTEM, "schedules")


async def run_schedules(
    schedules: Schedules,
    calendar: Calendar,
    store: EventStore,
    views: JobViews,
    types: JobTypes,
    hints: Hints,
    clock: Clock,
    ids: Ids,
    *,
    limit: int,
) -> int:
    """Take up to `limit` schedules a step further; how many were due.

    Any number may do it at once, and any of them may die at any point: an occurrence's job has the schedule
    and the time as its idempotency key, and a schedule moves on only after its jobs are durable.
    """
    now = clock.now()
    due = await schedules.due(at=now, limit=limit)
    for schedule in due:
        made = await _plan(schedule, calendar, views, now)
        last = await _submit(schedule, made.runs, store, types, clock, ids)
        await _move_on(schedules, schedule, made, last, ids)
    if due:
        hints.announce(Topic.OUTBOX)
    return len(due)


async def _plan(schedule: Schedule, calendar: Calendar, views: JobViews, now: datetime) -> Plan:
    definition, first = schedule.definition, schedule.next_at or now
    times = calendar.after(definition.cron, definition.time_zone, first, limit=AT_ONCE)
    due = [first, *(at for at in times if at <= now)][:AT_ONCE]
    upcoming = next((at for at in times if at > due[-1]), None)
    is_busy = False
    if definition.overlap is Overlap.SKIP and schedule.last_job_id:
        last = await views.get(schedule.last_job_id)
        is_busy = last is not None and not last.job.has_ended
    return plan(schedule, due=due, upcoming=upcoming, now=now, is_busy=is_busy)


async def _submit(
    schedule: Schedule,
    runs: tuple[datetime, ...],
    store: EventStore,
    types: JobTypes,
    clock: Clock,
    ids: Ids,
) -> JobId | None:
    """The job of the last of the occurrences; one that is known by its key was submitted before."""
    provenance = Provenance(actor=CLOCKWORK, command_id=ids.command_id())
    changes = [
        change_of(schedule, occurrence_key(schedule.id, at), types, clock, ids, provenance) for at in runs
    ]
    last: JobId | None = None
    for change, outcome in zip(changes, await store.append(changes) if changes else [], strict=True):
        if isinstance(outcome, Appended):
            last = change.job_id
        elif isinstance(outcome, KeyTaken):
            last = outcome.holder.job.id
    return last


def change_of(
    schedule: Schedule, key: str, types: JobTypes, clock: Clock, ids: Ids, provenance: Provenance
) -> Change:
    """The submission of the schedule's job under `key`."""
    template = schedule.definition.template
    event = submit(
        user_id=schedule.user_id,
        job_type=template.job_type,
        policy=types.policy_of(template.job_type),
        at=clock.now(),
        job_parameters=template.job_parameters,
        priority=template.priority,
        max_attempts=template.max_attempts,
        timeout_seconds=template.timeout_seconds,
        tags=(*template.tags, tag_of(schedule.id)),
        idempotency_key=key,
        group_key=template.group_key,
    )
    return Change(job_id=ids.job_id(), before=None, event=event, provenance=provenance)


async def _move_on(
    schedules: Schedules, schedule: Schedule, made: Plan, last: JobId | None, ids: Ids
) -> None:
    after = schedule._replace(next_at=made.next_at, last_job_id=last or schedule.last_job_id)
    if not made.skipped:
        await schedules.advance(schedule, after)
        return
    provenance = Provenance(actor=CLOCKWORK, command_id=ids.command_id())
    event = skipped_event(schedule, made)
    await schedules.append(after._replace(version=schedule.version + 1), event, provenance)
