"""What limits users, groups and queues: who set it, when and why; and, for operators, setting it."""

from enum import StrEnum
from typing import Any, TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from domain.errors import (
    FieldProblem,
    InvalidSubmission,
    JobledgerError,
    LimitNotFound,
    NotPermitted,
    QueueNotFound,
)
from domain.limits import Kind
from domain.use_cases.limits import list_queues, pause_queue, remove_limit, resume_queue, set_limit
from entrypoints.api.limit_schemas import RemoveLimit, SetLimit
from entrypoints.api.problems import KINDS
from entrypoints.api.requests import Watch, Work, provenance_of
from entrypoints.dashboard.forms import Form, Sent
from entrypoints.dashboard.live import stream
from entrypoints.dashboard.pages import HOME, PageRoute, page, record_refusal, render
from entrypoints.dashboard.viewer import SignedIn, Viewer, note_reading
from entrypoints.services import Services

LIMITS = f"{HOME}/limits"
REFRESH_SECONDS = 1.0
T = TypeVar("T", SetLimit, RemoveLimit)
REFUSALS = (InvalidSubmission, LimitNotFound, QueueNotFound)

router = APIRouter(route_class=PageRoute, include_in_schema=False)


class OnQueue(StrEnum):
    PAUSE = "pause"
    RESUME = "resume"


@router.get(LIMITS)
async def show_limits(request: Request, services: Work, viewer: SignedIn) -> Response:
    values = await _values(services, viewer)
    await note_reading(request, viewer)
    return page(request, "limits.html", viewer=viewer, **values)


@router.get(f"{LIMITS}/live")
async def follow_limits(services: Work, watch: Watch, viewer: SignedIn) -> Response:
    async def draw() -> str:
        return render("limits_parts.html", viewer=viewer, **await _values(services, viewer))

    return stream(draw, services, watch, until=viewer.expires_at, every=REFRESH_SECONDS)


@router.post(f"{LIMITS}/queues/{{name}}/{{act}}")
async def act_on_queue(
    request: Request, name: str, act: OnQueue, services: Work, viewer: SignedIn, form: Sent
) -> Response:
    """Pause or resume it, and show what is set by now."""
    viewer.check_may_limit()
    provenance = provenance_of(request, services, viewer.actor)
    try:
        asked: dict[str, Any] = {"name": name, "reason": form.reason(), "provenance": provenance}
        if act is OnQueue.PAUSE:
            await pause_queue(services.limits, services.types, **asked)
        else:
            await resume_queue(services.limits, services.types, services.hints, **asked)
    except REFUSALS as error:
        return await _refused(request, services, viewer, error)
    return RedirectResponse(f"{LIMITS}?done={act}", 303)


@router.post(f"{LIMITS}/set")
async def set_one(request: Request, services: Work, viewer: SignedIn, form: Sent) -> Response:
    """Limit a user or a group, whole, as the form says it."""
    viewer.check_may_limit()
    try:
        reason = form.reason()
        wanted = _asked(SetLimit, _fields_of(form) | {"reason": reason}).limit()
        await set_limit(
            services.limits,
            services.hints,
            wanted=wanted,
            reason=reason,
            provenance=provenance_of(request, services, viewer.actor),
        )
    except REFUSALS as error:
        return await _refused(request, services, viewer, error)
    return RedirectResponse(f"{LIMITS}?done=set", 303)


@router.post(f"{LIMITS}/remove")
async def remove_one(request: Request, services: Work, viewer: SignedIn, form: Sent) -> Response:
    viewer.check_may_limit()
    try:
        reason = form.reason()
        whose = {"user_id": form.one("user_id"), "group_key": form.one("group_key") or None}
        await remove_limit(
            services.limits,
            services.hints,
            scope=_asked(RemoveLimit, whose | {"reason": reason}).scope,
            reason=reason,
            provenance=provenance_of(request, services, viewer.actor),
        )
    except REFUSALS as error:
        return await _refused(request, services, viewer, error)
    return RedirectResponse(f"{LIMITS}?done=remove", 303)


def _fields_of(form: Form) -> dict[str, Any]:
    """As the API takes them: what was left empty is not there."""
    asked: dict[str, Any] = {name: form.one(name) for name in ("user_id", "group_key") if form.one(name)}
    asked |= {name: _number(form.one(name)) for name in ("concurrency", "weight") if form.one(name)}
    rate = {name: _number(form.one(name)) for name in ("starts", "per_seconds", "burst") if form.one(name)}
    # A form shows `per_seconds` and `burst` filled in: without `starts` there is no rate.
    return asked | {"rate": rate} if "starts" in rate else asked


def _number(given: str) -> Any:
    """What is no number stays as it is, and is refused like any other client's."""
    return int(given) if given.isascii() and given.isdigit() else given


def _asked(kind: type[T], fields: dict[str, Any]) -> T:
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        raise InvalidSubmission(
            [
                FieldProblem(pointer="/" + "/".join(map(str, found["loc"])), detail=f"{found['msg']}.")
                for found in error.errors()
            ]
        ) from error


async def _refused(request: Request, services: Services, viewer: Viewer, error: JobledgerError) -> Response:
    await record_refusal(request, error)
    kind = KINDS[type(error)]
    told = str(error)
    if isinstance(error, InvalidSubmission):
        told = " ".join(
            f"{it.pointer.rsplit('/', 1)[-1].replace('_', ' ')}: {it.detail}".removeprefix(": ")
            for it in error.problems
        )
    problem = {"title": kind.title, "detail": told}
    values = await _values(services, viewer)
    return page(request, "limits.html", kind.status, viewer=viewer, problem=problem, **values)


async def _values(services: Services, viewer: Viewer) -> dict[str, Any]:
    if not viewer.sees_everybody:
        raise NotPermitted("What limits jobs is for operators and auditors to see.")
    vitals = await services.vitals.read()
    return {
        "queues": await list_queues(services.limits, services.types),
        "limits": [it for it in await services.limits.active() if it.scope.kind is not Kind.QUEUE],
        "records": await services.limits.active_records(),
        "held": vitals.held,
        "read_at": vitals.read_at,
    }
