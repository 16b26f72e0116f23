"""Jobs over HTTP: submitting and reading them."""

import hashlib
import json
import re
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Header, Query, Request, Response

from domain.errors import FieldProblem, InvalidSubmission, JobledgerError, JobNotFound, NotPermitted
from domain.lifecycle import Status
from domain.ports.job_views import JobFilter
from domain.use_cases.submit import Submission, submit_jobs
from domain.views import JobView
from entrypoints.api.auth import CurrentUser, Role, Roles, ValidatedJWTUser, actor_of
from entrypoints.api.cursors import decode_cursor, encode_cursor
from entrypoints.api.quick_route import QuickRoute
from entrypoints.api.requests import (
    ETAG,
    Text,
    Work,
    answers,
    etag_of,
    parse_job_id,
    provenance_of,
)
from entrypoints.api.schemas import EventPage, JobOut, JobPage, SubmitJob, event_out, job_out, json_response
from entrypoints.services import Services

IDEMPOTENCY_KEY = re.compile(r"[\x21\x23-\x5b\x5d-\x7e ]{1,255}")
MAX_OFFSET = 10_000
EVENTS_PER_PAGE = 200

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


@router.get(
    "",
    operation_id="list_jobs",
    responses=answers(401, 422, 503, ok=JobPage),
)
async def list_jobs(
    services: Work,
    user: CurrentUser,
    status: Status | None = None,
    job_type: Text | None = None,
    tag: Text | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    offset: Annotated[int, Query(ge=0, le=MAX_OFFSET)] = 0,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """Your own jobs, newest first; the next page is where `Link: rel="next"` points."""
    which = JobFilter(user_id=user.user_id, status=status, job_type=job_type, tag=tag)
    before = decode_cursor(cursor, which) if cursor else None
    found = await services.views.newest(which, limit=limit + 1, before=before, offset=offset)
    page = found[:limit]
    link = None
    headers = {}
    if len(found) > limit:
        filters = {"status": status, "job_type": job_type, "tag": tag, "limit": limit}
        link = _link("/jobs", filters | {"cursor": encode_cursor(page[-1].job.id, which)})
        headers["Link"] = f'<{link}>; rel="next"'
    return json_response({"jobs": [job_out(view) for view in page], "next": link}, headers=headers)


def _link(path: str, parameters: dict[str, Any]) -> str:
    asked = {name: value for name, value in parameters.items() if value is not None}
    return f"{path}?{urlencode(asked)}"


async def _own(services: Services, user: ValidatedJWTUser, job_id: str) -> JobView:
    view = await services.views.get(parse_job_id(job_id))
    if view is None or view.job.user_id != user.user_id:
        raise JobNotFound(job_id)
    return view


@router.get(
    "/{job_id}",
    operation_id="get_job",
    responses=answers(401, 404, 503, ok=JobOut) | {304: {"description": "Not modified"}},
)
async def get_job(
    job_id: str,
    services: Work,
    user: CurrentUser,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """The job as it is now; 304 when it is still at the version of `If-None-Match`."""
    view = await _own(services, user, job_id)
    headers = {"ETag": etag_of(view)}
    if if_none_match and str(view.job.version) in ETAG.findall(if_none_match):
        return Response(status_code=304, headers=headers)
    return json_response(job_out(view), headers=headers)


@router.get(
    "/{job_id}/events",
    operation_id="list_job_events",
    responses=answers(401, 404, 422, 503, ok=EventPage),
)
async def list_job_events(
    job_id: str,
    services: Work,
    user: CurrentUser,
    after: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
    limit: Annotated[int, Query(ge=1, le=EVENTS_PER_PAGE)] = EVENTS_PER_PAGE,
) -> Response:
    """What happened to the job, in order, above version `after`."""
    view = await _own(services, user, job_id)
    found = await services.store.read_stream(view.job.id, after_version=after, limit=limit + 1)
    page = found[:limit]
    link = None
    if len(found) > limit:
        link = _link(f"/jobs/{job_id}/events", {"after": page[-1].version, "limit": limit})
    headers = {"Link": f'<{link}>; rel="next"'} if link else None
    return json_response({"events": [event_out(event) for event in page], "next": link}, headers=headers)
