"""Acting on jobs over HTTP: cancel, and retry by hand."""

from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Header, Request, Response

from domain.events import Actor, ActorKind, Provenance
from domain.identifiers import UserId
from domain.use_cases.cancel import cancel_job
from domain.use_cases.retry import retry_job
from domain.views import JobView
from entrypoints.api.answers import JobOut, job_out, json_response
from entrypoints.api.auth import CurrentUser, Role, Roles
from entrypoints.api.requests import (
    Work,
    answers,
    etag_of,
    expected_version,
    parse_job_id,
    provenance_of,
)
from entrypoints.api.schemas import ActOnJob

router = APIRouter(prefix="/jobs", tags=["jobs"])

ANSWERS = answers(400, 401, 404, 409, 412, 413, 422, 503, ok=JobOut)


class Acting(NamedTuple):
    """On whose jobs somebody acts (None: anybody's), at which version, and as whom."""

    owner: UserId | None
    expected_version: int | None
    provenance: Provenance


async def get_acting(
    request: Request,
    services: Work,
    user: CurrentUser,
    roles: Roles,
    if_match: Annotated[str | None, Header()] = None,
) -> Acting:
    """Operators act on everybody's jobs, and the history says that it was an operator."""
    is_operator = Role.OPERATOR in roles
    actor = Actor(ActorKind.OPERATOR if is_operator else ActorKind.USER, user.user_id)
    return Acting(
        owner=None if is_operator else user.user_id,
        expected_version=expected_version(if_match),
        provenance=provenance_of(request, services, actor),
    )


Act = Annotated[Acting, Depends(get_acting)]


@router.post("/{job_id}/cancel", operation_id="cancel_job", responses=ANSWERS)
async def cancel(job_id: str, asked: ActOnJob, services: Work, acting: Act) -> Response:
    """Cancel a job: at once while it waits; a running one is asked to stop, and `cancelling` until it has."""
    after = await cancel_job(
        services.store,
        services.hints,
        job_id=parse_job_id(job_id),
        reason=asked.reason,
        **acting._asdict(),
    )
    return _answer(after)


@router.post("/{job_id}/retry", operation_id="retry_job", responses=ANSWERS)
async def retry(job_id: str, asked: ActOnJob, services: Work, acting: Act) -> Response:
    """Try a failed or cancelled job once more, with fresh budgets; its history stays."""
    after = await retry_job(
        services.store,
        services.hints,
        job_id=parse_job_id(job_id),
        reason=asked.reason,
        **acting._asdict(),
    )
    return _answer(after)


def _answer(after: JobView) -> Response:
    return json_response(job_out(after), headers={"ETag": etag_of(after)})
