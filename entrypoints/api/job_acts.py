"""Acting on jobs over HTTP: cancel, and retry by hand."""

from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Header, Request, Response

from domain.errors import JobNotFound, NotPermitted
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
from entrypoints.services import Services

router = APIRouter(prefix="/jobs", tags=["jobs"])

ANSWERS = answers(400, 401, 403, 404, 409, 410, 412, 413, 422, 503, ok=JobOut)


class Acting(NamedTuple):
    """Who acts, on which request, and on whose jobs (None: anybody's)."""

    request: Request
    user_id: UserId
    is_operator: bool
    provenance: Provenance
    is_auditor: bool = False

    @property
    def owner(self) -> UserId | None:
        return None if self.is_operator else self.user_id

    def check(self, asked: ActOnJob) -> None:
        """Raises NotPermitted for `on_behalf_of` by anybody but an operator."""
        if asked.on_behalf_of and not self.is_operator:
            raise NotPermitted("Only operators may act on somebody's behalf.")

    def check_may_limit(self) -> None:
        """Raises NotPermitted for anybody but an operator."""
        if not self.is_operator:
            raise NotPermitted("Only operators pause queues and set limits.")

    def check_may_read(self, what: str) -> None:
        """Raises NotPermitted for who is neither operator nor auditor."""
        if not (self.is_operator or self.is_auditor):
            raise NotPermitted(f"Only operators and auditors read {what}.")

    async def find(self, services: Services, job_id: str) -> JobView:
        """The job, if they may act on it; raises JobNotFound before anything of another's job is read."""
        found = await services.views.get(parse_job_id(job_id), owner=self.owner)
        if found is None:
            raise JobNotFound(job_id)
        return found


async def get_acting(request: Request, services: Work, user: CurrentUser, roles: Roles) -> Acting:
    """Operators act on everybody's jobs, and the history says that it was an operator."""
    is_operator = Role.OPERATOR in roles
    actor = Actor(ActorKind.OPERATOR if is_operator else ActorKind.USER, user.user_id)
    return Acting(
        request, user.user_id, is_operator, provenance_of(request, services, actor), Role.AUDITOR in roles
    )


ActingHere = Annotated[Acting, Depends(get_acting)]
IfMatch = Annotated[str | None, Header(description="The version that you know; 412 when it moved on.")]


@router.post("/{job_id}/cancel", operation_id="cancel_job", responses=ANSWERS)
async def cancel(
    job_id: str, asked: ActOnJob, services: Work, acting: ActingHere, if_match: IfMatch = None
) -> Response:
    """Cancel a job: at once while it waits; a running one is asked to stop, and `cancelling` until it has."""
    acting.check(asked)
    view = await acting.find(services, job_id)
    after = await cancel_job(
        services.store,
        services.hints,
        job_id=view.job.id,
        reason=asked.reason,
        on_behalf_of=asked.on_behalf_of,
        owner=acting.owner,
        expected_version=expected_version(if_match, view),
        provenance=acting.provenance,
    )
    return _answer(after)


@router.post("/{job_id}/retry", operation_id="retry_job", responses=ANSWERS)
async def retry(
    job_id: str, asked: ActOnJob, services: Work, acting: ActingHere, if_match: IfMatch = None
) -> Response:
    """Try a failed or cancelled job once more, with fresh budgets; its history stays."""
    acting.check(asked)
    view = await acting.find(services, job_id)
    after = await retry_job(
        services.store,
        services.hints,
        job_id=view.job.id,
        reason=asked.reason,
        on_behalf_of=asked.on_behalf_of,
        owner=acting.owner,
        expected_version=expected_version(if_match, view),
        provenance=acting.provenance,
    )
    return _answer(after)


def _answer(after: JobView) -> Response:
    return json_response(job_out(after), headers={"ETag": etag_of(after)})
