"""Submitting jobs over HTTP."""

import hashlib
import json
import re
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response

from domain.errors import FieldProblem, InvalidSubmission, JobledgerError, NotPermitted
from domain.use_cases.submit import Submission, submit_jobs
from entrypoints.api.answers import JobOut, job_out, json_response
from entrypoints.api.auth import CurrentUser, Role, Roles, actor_of
from entrypoints.api.quick_route import QuickRoute
from entrypoints.api.requests import Work, answers, etag_of, provenance_of
from entrypoints.api.schemas import SubmitJob

IDEMPOTENCY_KEY = re.compile(r"[\x21\x23-\x5b\x5d-\x7e ]{1,255}")

router = APIRouter(prefix="/jobs", tags=["jobs"])
quick = APIRouter(prefix="/jobs", tags=["jobs"], route_class=QuickRoute)


@quick.post(
    "",
    operation_id="submit_job",
    status_code=202,
    responses=answers(400, 401, 403, 409, 413, 422, 503, accepted=JobOut),
)
async def submit_job(
    asked: SubmitJob,
    request: Request,
    services: Work,
    user: CurrentUser,
    roles: Roles,
    idempotency_key: Annotated[str | None, Header(max_length=300)] = None,
) -> Response:
    """Accept a job. Once this answers 202 the job is durable."""
    if asked.on_behalf_of and Role.OPERATOR not in roles:
        raise NotPermitted("Only operators may act on somebody's behalf.")
    submission = _submission(asked, _idempotency_key(idempotency_key))
    (answer,) = await submit_jobs(
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
    if isinstance(answer, JobledgerError):
        raise answer
    headers = {"Location": f"/jobs/{answer.view.job.id}", "ETag": etag_of(answer.view)}
    if answer.is_replay:
        headers["Idempotency-Replayed"] = "true"
    return json_response(job_out(answer.view), 202, headers)


def _submission(asked: SubmitJob, key: str | None) -> Submission:
    fingerprint = None
    if key:
        canonical = json.dumps(asked.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        fingerprint = hashlib.sha256(canonical.encode()).hexdigest()
    return Submission(
        job_type=asked.job_type,
        job_parameters=asked.job_parameters,
        priority=asked.priority,
        run_at=asked.run_at,
        max_attempts=asked.max_attempts,
        timeout_seconds=asked.timeout_seconds,
        tags=tuple(asked.tags),
        on_behalf_of=asked.on_behalf_of,
        unique_key=asked.unique_key,
        idempotency_key=key,
        fingerprint=fingerprint,
    )


def _idempotency_key(header: str | None) -> str | None:
    """The key, which the draft standard writes as a quoted string; unquoted is taken too."""
    if header is None:
        return None
    key = header[1:-1] if len(header) > 1 and header[0] == header[-1] == '"' else header
    if not IDEMPOTENCY_KEY.fullmatch(key):
        detail = "1 to 255 printable ASCII characters, without quotes or backslashes."
        raise InvalidSubmission([FieldProblem(pointer="/header/idempotency-key", detail=detail)])
    return key
