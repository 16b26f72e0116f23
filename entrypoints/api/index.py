"""What the service has to offer: its addresses, and what each of its problems means."""

from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from entrypoints.api.answers import json_response
from entrypoints.api.problems import kinds
from entrypoints.api.requests import answers
from entrypoints.dashboard.pages import HOME

LINKS = {
    "jobs": "/jobs",
    "job_types": "/job-types",
    "lifecycle": "/lifecycle",
    "schedules": "/schedules",
    "webhooks": "/webhooks",
    "events": "/events",
    "problems": "/problems",
    "health": "/health",
    "openapi": "/openapi.json",
    "documentation": "/docs",
    "dashboard": HOME,
}
# RFC 8631: where to find how an API is to be used.
SERVICE = '</openapi.json>; rel="service-desc", </docs>; rel="service-doc"'

router = APIRouter(tags=["catalogue"])


class IndexOut(BaseModel):
    """Where things are, by name."""

    name: str
    links: dict[str, str]


class ProblemKindOut(BaseModel):
    """What a problem of this `type` means, and what to do about it."""

    type: str
    status: int
    title: str
    advice: str


class ProblemKindsOut(BaseModel):
    problems: list[ProblemKindOut]


@router.get(
    "/", operation_id="get_index", responses=answers(ok=IndexOut) | {303: {"description": "To the dashboard"}}
)
async def get_index(request: Request, accept: Annotated[str | None, Header()] = None) -> Response:
    """Where things are; browsers are led to the dashboard."""
    headers = {"Vary": "Accept", "Link": SERVICE}
    if "text/html" in (accept or ""):
        return Response(
            status_code=303, headers=headers | {"Location": request.scope.get("root_path", "") + HOME}
        )
    return json_response({"name": "Jobledger", "links": LINKS}, headers=headers)


@router.get("/problems", operation_id="list_problems", responses=answers(ok=ProblemKindsOut))
async def list_problems() -> Response:
    """Every kind of refusal, by status."""
    return json_response({"problems": list(PROBLEMS.values())})


@router.get("/problems/{slug}", operation_id="get_problem", responses=answers(404, ok=ProblemKindOut))
async def get_problem(slug: str) -> Response:
    """What the `type` of a problem stands for."""
    if slug not in PROBLEMS:
        raise HTTPException(404)
    return json_response(PROBLEMS[slug])


PROBLEMS = {
    kind.slug: {
        "type": f"/problems/{kind.slug}",
        "status": kind.status,
        "title": kind.title,
        "advice": kind.advice,
    }
    for kind in kinds()
}
