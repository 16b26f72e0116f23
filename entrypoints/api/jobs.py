"""Submitting jobs over HTTP, one at a time."""

from fastapi import APIRouter, Depends, Request, Response

from domain.errors import JobledgerError
from domain.use_cases.submit import Existing, submit_jobs
from entrypoints.api.answers import JobOut, job_out, json_response
from entrypoints.api.auth import CurrentUser, Roles, actor_of
from entrypoints.api.known_parameters import KnownParameters
from entrypoints.api.requests import Work, answers, provenance_of
from entrypoints.api.schemas import SubmitJob
from entrypoints.api.submissions import KeyHeader, headers_of, in_time, parse_idempotency_key, submission_of

# Its dependencies stand here, because a quick route knows nothing of where it is included (quick_routes.py).
KNOWN = [Depends(KnownParameters())]
quick = APIRouter(prefix="/jobs", tags=["jobs"], dependencies=KNOWN)


@quick.post(
    "",
    operation_id="submit_job",
    status_code=202,
    responses=answers(400, 401, 403, 409, 413, 422, 503, ok=JobOut, accepted=JobOut),
)
async def submit_job(
    asked: SubmitJob,
    request: Request,
    services: Work,
    user: CurrentUser,
    roles: Roles,
    idempotency_key: KeyHeader = None,
) -> Response:
    """Accept a job. Once this answers 202 the job is durable.

    200 is for `unique_key_conflict` `return_existing`: the job that holds the unique key, as it is now.
    """
    key = parse_idempotency_key(idempotency_key)
    submission = submission_of(asked, key, roles)
    submitting = submit_jobs(
        services.store,
        services.types,
        services.parser,
        services.hints,
        services.clock,
        services.ids,
        user_id=user.user_id,
        submissions=[submission],
        provenance=provenance_of(request, services, actor_of(user)),
    )
    if key:
        (answer,) = await in_time(submitting, request.app.state.settings.idempotency_wait_seconds)
    else:
        (answer,) = await submitting
    if isinstance(answer, JobledgerError):
        raise answer
    status = 200 if isinstance(answer, Existing) else 202
    return json_response(job_out(answer.view), status, headers_of(answer))
