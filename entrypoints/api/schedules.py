"""Schedules over HTTP: each user's own."""

from fastapi import APIRouter, Response

from domain.errors import ScheduleNotFound
from domain.schedules import ScheduleId
from domain.use_cases.schedules import (
    create_schedule,
    define_schedule,
    find_schedule,
    pause_schedule,
    remove_schedule,
    resume_schedule,
    trigger_schedule,
    upcoming,
)
from entrypoints.api.answers import instant, json_response
from entrypoints.api.auth import CurrentUser
from entrypoints.api.cursors import JOB_ID
from entrypoints.api.requests import Calling, Work, answers
from entrypoints.api.schedule_schemas import (
    ActOnSchedule,
    DefineSchedule,
    PreviewRuns,
    RunsOut,
    ScheduleEventsOut,
    ScheduleOut,
    SchedulesOut,
    TriggeredOut,
    schedule_event_out,
    schedule_out,
)

router = APIRouter(prefix="/schedules", tags=["schedules"])


ACTED = answers(400, 401, 403, 404, 413, 422, 503, ok=ScheduleOut)


@router.post(
    "",
    operation_id="create_schedule",
    status_code=201,
    responses={201: {"model": ScheduleOut}, **answers(400, 401, 403, 413, 422, 503)},
)
async def create(asked: DefineSchedule, services: Work, caller: Calling) -> Response:
    """Submit a job again and again: at the times of a cron expression in a time zone."""
    schedule = await create_schedule(
        services.schedules,
        services.calendar,
        services.types,
        services.parser,
        services.clock,
        services.ids,
        caller=caller,
        definition=asked.definition(),
    )
    headers = {"Location": f"/schedules/{schedule.id}"}
    return json_response(schedule_out(schedule), status=201, headers=headers)


@router.get("", operation_id="list_schedules", responses=answers(401, 503, ok=SchedulesOut))
async def list_schedules(services: Work, user: CurrentUser) -> Response:
    """Your schedules, the oldest first."""
    found = await services.schedules.of_user(user.user_id)
    return json_response({"schedules": [schedule_out(schedule) for schedule in found]})


@router.post("/preview", operation_id="preview_runs", responses=answers(400, 401, 403, 413, 422, ok=RunsOut))
async def preview(asked: PreviewRuns, services: Work, _: CurrentUser) -> Response:
    """The next times of an expression, before anything is scheduled."""
    times = upcoming(services.calendar, asked.cron, asked.time_zone, services.clock.now(), count=asked.count)
    return json_response({"runs": [instant(at) for at in times]})


@router.get("/{schedule_id}", operation_id="get_schedule", responses=answers(401, 404, 503, ok=ScheduleOut))
async def get(schedule_id: str, services: Work, user: CurrentUser) -> Response:
    """One of your schedules."""
    schedule = await find_schedule(services.schedules, user_id=user.user_id, schedule_id=_id(schedule_id))
    return json_response(schedule_out(schedule))


@router.put("/{schedule_id}", operation_id="define_schedule", responses=ACTED)
async def define(schedule_id: str, asked: DefineSchedule, services: Work, caller: Calling) -> Response:
    """Give it another definition; it goes on with the first of its new times from now."""
    schedule = await define_schedule(
        services.schedules,
        services.calendar,
        services.types,
        services.parser,
        services.clock,
        caller=caller,
        schedule_id=_id(schedule_id),
        definition=asked.definition(),
    )
    return json_response(schedule_out(schedule))


@router.get(
    "/{schedule_id}/runs", operation_id="list_next_runs", responses=answers(401, 404, 503, ok=RunsOut)
)
async def runs(schedule_id: str, services: Work, user: CurrentUser) -> Response:
    """When it comes next, ten times; nothing while it is paused."""
    schedule = await find_schedule(services.schedules, user_id=user.user_id, schedule_id=_id(schedule_id))
    definition = schedule.definition
    if schedule.next_at is None:
        return json_response({"runs": []})
    later = upcoming(services.calendar, definition.cron, definition.time_zone, schedule.next_at, count=9)
    return json_response({"runs": [instant(at) for at in (schedule.next_at, *later)]})


@router.get(
    "/{schedule_id}/events",
    operation_id="list_schedule_events",
    responses=answers(401, 404, 503, ok=ScheduleEventsOut),
)
async def events(schedule_id: str, services: Work, user: CurrentUser) -> Response:
    """What happened to it: who defined, paused and triggered it, and which occurrences were skipped, why."""
    schedule = await find_schedule(services.schedules, user_id=user.user_id, schedule_id=_id(schedule_id))
    found = await services.schedules.history(schedule.id)
    return json_response({"events": [schedule_event_out(record) for record in found]})


@router.post("/{schedule_id}/pause", operation_id="pause_schedule", responses=ACTED)
async def pause(schedule_id: str, asked: ActOnSchedule, services: Work, caller: Calling) -> Response:
    """Submit nothing until it is resumed; what would have come meanwhile is left out."""
    schedule = await pause_schedule(
        services.schedules, caller=caller, schedule_id=_id(schedule_id), reason=asked.reason
    )
    return json_response(schedule_out(schedule))


@router.post("/{schedule_id}/resume", operation_id="resume_schedule", responses=ACTED)
async def resume(schedule_id: str, asked: ActOnSchedule, services: Work, caller: Calling) -> Response:
    """Go on with the next time from now."""
    schedule = await resume_schedule(
        services.schedules,
        services.calendar,
        services.clock,
        caller=caller,
        schedule_id=_id(schedule_id),
        reason=asked.reason,
    )
    return json_response(schedule_out(schedule))


@router.post(
    "/{schedule_id}/trigger",
    operation_id="trigger_schedule",
    status_code=202,
    responses=answers(400, 401, 403, 404, 413, 422, 503, accepted=TriggeredOut),
)
async def trigger(schedule_id: str, asked: ActOnSchedule, services: Work, caller: Calling) -> Response:
    """Submit its job now, whatever its times, and also while it is paused."""
    job_id = await trigger_schedule(
        services.schedules,
        services.store,
        services.types,
        services.hints,
        services.clock,
        services.ids,
        caller=caller,
        schedule_id=_id(schedule_id),
        reason=asked.reason,
    )
    return json_response({"job_id": job_id}, status=202, headers={"Location": f"/jobs/{job_id}"})


@router.post(
    "/{schedule_id}/remove",
    operation_id="remove_schedule",
    status_code=204,
    responses=answers(400, 401, 403, 404, 413, 422, 503),
)
async def remove(schedule_id: str, asked: ActOnSchedule, services: Work, caller: Calling) -> Response:
    """Submit nothing more; its jobs and its events stay in the history."""
    await remove_schedule(
        services.schedules, caller=caller, schedule_id=_id(schedule_id), reason=asked.reason
    )
    return Response(status_code=204)


def _id(schedule_id: str) -> ScheduleId:
    if not JOB_ID.fullmatch(schedule_id):
        raise ScheduleNotFound(schedule_id)
    return ScheduleId(schedule_id)
