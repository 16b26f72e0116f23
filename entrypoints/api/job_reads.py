"""Reading jobs over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from domain.lifecycle import Status
from domain.ports.job_views import JobFilter
from entrypoints.api.answers import JobOut, JobPage, job_out, json_response
from entrypoints.api.auth import CurrentUser
from entrypoints.api.cursors import decode_cursor, encode_cursor
from entrypoints.api.requests import ETAG, Text, Work, answers, etag_of, link_to, read_own

MAX_OFFSET = 10_000

router = APIRouter(prefix="/jobs", tags=["jobs"])


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
        link = link_to("/jobs", filters | {"cursor": encode_cursor(page[-1].job.id, which)})
        headers["Link"] = f'<{link}>; rel="next"'
    return json_response({"jobs": [job_out(view) for view in page], "next": link}, headers=headers)


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
    view = await read_own(services, user, job_id)
    headers = {"ETag": etag_of(view)}
    if if_none_match and str(view.job.version) in ETAG.findall(if_none_match):
        return Response(status_code=304, headers=headers)
    return json_response(job_out(view), headers=headers)
