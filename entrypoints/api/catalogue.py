"""What there is to know before the first job: job types, and the lifecycle."""

from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Header, Response
from pydantic import BaseModel

from domain.lifecycle import ENDED, TABLE, Status
from domain.lifecycle_diagram import mermaid
from entrypoints.api.answers import json_response
from entrypoints.api.auth import CurrentUser
from entrypoints.api.requests import Work, answers

MERMAID = "text/vnd.mermaid"

router = APIRouter(tags=["catalogue"])


class JobTypeOut(BaseModel):
    """What can be run; `parameters` is the JSON schema of `job_parameters`."""

    name: str
    description: str
    parameters: dict[str, Any]
    max_attempts: int
    timeout_seconds: int


class JobTypesOut(BaseModel):
    job_types: list[JobTypeOut]


class StateOut(BaseModel):
    name: Status
    is_final: bool


class MoveOut(BaseModel):
    """One way on: from which state (null: a new job), by which act, under which condition, to which state.

    A `to` of null leaves the state as it is.
    """

    source: Status | None
    act: str
    when: str
    event: str
    to: Status | None


class LifecycleOut(BaseModel):
    """`is_final` states are left only by a retry by hand."""

    states: list[StateOut]
    moves: list[MoveOut]


class Form(StrEnum):
    JSON = "json"
    MERMAID = "mermaid"


@router.get("/job-types", operation_id="list_job_types", responses=answers(401, ok=JobTypesOut))
async def list_job_types(services: Work, _: CurrentUser) -> Response:
    """The job types that can be submitted here, by name."""
    return json_response(
        {
            "job_types": [
                {
                    "name": kind.name,
                    "description": kind.description,
                    "parameters": services.parser.schema(kind),
                    "max_attempts": kind.retry.max_attempts,
                    "timeout_seconds": kind.timeout_seconds,
                }
                for kind in services.types.offered().values()
            ]
        }
    )


@router.get(
    "/lifecycle",
    operation_id="get_lifecycle",
    responses={
        200: {"model": LifecycleOut, "content": {MERMAID: {"schema": {"type": "string"}}}},
        **answers(422),
    },
)
async def get_lifecycle(form: Form | None = None, accept: Annotated[str | None, Header()] = None) -> Response:
    """The states of a job and every move between them; as a diagram with `?form=mermaid`, or by `Accept`."""
    if form is Form.MERMAID or (form is None and accept is not None and MERMAID in accept):
        return Response(mermaid(), media_type=MERMAID, headers={"Vary": "Accept"})
    return json_response(
        {
            "states": [{"name": state, "is_final": state in ENDED} for state in Status],
            "moves": [
                {"source": source, "act": act, "when": guard, "event": move.event.__name__, "to": move.dest}
                for (source, act, guard), move in TABLE.items()
            ],
        },
        headers={"Vary": "Accept"},
    )
