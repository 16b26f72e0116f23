"""Queues over HTTP: operators pause and resume them, everybody sees which are paused."""

from fastapi import APIRouter, Response

from domain.limits import queue
from domain.use_cases.limits import find_queue, list_queues, pause_queue, resume_queue
from entrypoints.api.answers import json_response
from entrypoints.api.auth import CurrentUser
from entrypoints.api.job_acts import ActingHere
from entrypoints.api.limit_schemas import (
    ActOnQueue,
    LimitEventsOut,
    QueueOut,
    QueuesOut,
    limit_event_out,
    queue_out,
)
from entrypoints.api.requests import Work, answers

router = APIRouter(prefix="/queues", tags=["queues"])

ACTED = answers(400, 401, 403, 404, 413, 422, 503, ok=QueueOut)


@router.get("", operation_id="list_queues", responses=answers(401, 503, ok=QueuesOut))
async def list_them(services: Work, _: CurrentUser) -> Response:
    """The queues by name, and which are paused."""
    found = await list_queues(services.limits, services.types)
    return json_response({"queues": [queue_out(limit) for limit in found]})


@router.get("/{name}", operation_id="get_queue", responses=answers(401, 404, 503, ok=QueueOut))
async def get(name: str, services: Work, _: CurrentUser) -> Response:
    """One queue."""
    return json_response(queue_out(await find_queue(services.limits, services.types, name)))


@router.get(
    "/{name}/events",
    operation_id="list_queue_events",
    responses=answers(401, 403, 404, 503, ok=LimitEventsOut),
)
async def events(name: str, services: Work, acting: ActingHere) -> Response:
    """Who paused and resumed it, when and why; for operators and auditors."""
    acting.check_may_read("who paused a queue")
    await find_queue(services.limits, services.types, name)
    found = await services.limits.history(queue(name))
    return json_response({"events": [limit_event_out(record) for record in found]})


@router.post("/{name}/pause", operation_id="pause_queue", responses=ACTED)
async def pause(name: str, asked: ActOnQueue, services: Work, acting: ActingHere) -> Response:
    """Start nothing more of the queue, for operators; what workers already may take still runs."""
    acting.check_may_limit()
    paused = await pause_queue(
        services.limits, services.types, name=name, reason=asked.reason, provenance=acting.provenance
    )
    return json_response(queue_out(paused))


@router.post("/{name}/resume", operation_id="resume_queue", responses=ACTED)
async def resume(name: str, asked: ActOnQueue, services: Work, acting: ActingHere) -> Response:
    """Go on with all that waits, for operators."""
    acting.check_may_limit()
    resumed = await resume_queue(
        services.limits,
        services.types,
        services.hints,
        name=name,
        reason=asked.reason,
        provenance=acting.provenance,
    )
    return json_response(queue_out(resumed))
