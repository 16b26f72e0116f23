"""Limits over HTTP, for operators: of users and of their groups."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from domain.limits import Kind, group, user
from domain.use_cases.limits import remove_limit, set_limit
from entrypoints.api.answers import json_response
from entrypoints.api.job_acts import ActingHere
from entrypoints.api.limit_schemas import (
    LimitEventsOut,
    LimitOut,
    LimitsOut,
    RemoveLimit,
    SetLimit,
    limit_event_out,
    limit_out,
)
from entrypoints.api.requests import Text, Work, answers

router = APIRouter(prefix="/limits", tags=["limits"])


@router.get("", operation_id="list_limits", responses=answers(401, 403, 503, ok=LimitsOut))
async def list_them(services: Work, acting: ActingHere) -> Response:
    """What is set for users and groups, the first thousand; for operators and auditors."""
    acting.check_may_read("limits")
    found = await services.limits.active()
    return json_response({"limits": [limit_out(it) for it in found if it.scope.kind is not Kind.QUEUE]})


@router.put("", operation_id="set_limit", responses=answers(400, 401, 403, 413, 422, 503, ok=LimitOut))
async def set_it(asked: SetLimit, services: Work, acting: ActingHere) -> Response:
    """Limit a user, a user's group, or everybody who has no limit of their own."""
    acting.check_may_limit()
    limit = await set_limit(
        services.limits,
        services.hints,
        wanted=asked.limit(),
        reason=asked.reason,
        provenance=acting.provenance,
    )
    return json_response(limit_out(limit))


@router.post(
    "/remove",
    operation_id="remove_limit",
    status_code=204,
    responses=answers(400, 401, 403, 404, 413, 422, 503),
)
async def remove(asked: RemoveLimit, services: Work, acting: ActingHere) -> Response:
    """Take a limit back; what holds for everybody holds for them again."""
    acting.check_may_limit()
    await remove_limit(
        services.limits,
        services.hints,
        scope=asked.scope,
        reason=asked.reason,
        provenance=acting.provenance,
    )
    return Response(status_code=204)


@router.get(
    "/events", operation_id="list_limit_events", responses=answers(401, 403, 422, 503, ok=LimitEventsOut)
)
async def events(
    services: Work,
    acting: ActingHere,
    user_id: Annotated[str, Query(min_length=1, max_length=255, pattern=r"^[^\x00]*$")],
    group_key: Text | None = None,
) -> Response:
    """Who set and removed the limit of a user or a user's group, when and why."""
    acting.check_may_read("limits")
    scope = group(user_id, group_key) if group_key else user(user_id)
    found = await services.limits.history(scope)
    return json_response({"events": [limit_event_out(record) for record in found]})
