"""Reading jobs over HTTP."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Response
from pydantic import Field

from domain.errors import JobNotFound
from domain.identifiers import JobId
from domain.lifecycle import Status
from domain.ports.job_views import JobFilter
from domain.use_cases.look_back import look_back, version_at
from domain.views import JobView
from entrypoints.api.answers import JobOut, JobPage, instant, job_out, json_response
from entrypoints.api.auth import CurrentUser
from entrypoints.api.cursors import decode_cursor, encode_cursor
from entrypoints.api.requests import (
    ETAG,
    Reading,
    Text,
    Watch,
    Work,
    answers,
    etag_of,
    link_to,
    read_visible,
    seconds_to_wait,
)
from entrypoints.api.schemas import Instant
from entrypoints.services import Services

MAX_OFFSET = 10_000

POSITION = "position:"
AsOf = Annotated[
    Annotated[int, Field(strict=False, ge=1, le=2**31 - 1)]
    | Instant
    | Annotated[str, Field(pattern=rf"^{POSITION}[1-9][0-9]{{0,17}}$")],
    Query(description="A version, a time with its offset, or `position:` and one of the ledger's."),
]

router = APIRouter(prefix="/jobs", tags=["jobs"])


class Counting(StrEnum):
    ESTIMATED = "estimated"
    EXACT = "exact"


async def get_filter(
    user: CurrentUser,
    status: Annotated[list[Status] | None, Query(max_length=8)] = None,
    job_type: Text | None = None,
    tag: Text | None = None,
    created_after: Annotated[Instant | None, Query(description="At this time or later.")] = None,
    created_before: Annotated[Instant | None, Query(description="Earlier than this time.")] = None,
) -> JobFilter:
    """Those of the caller's own jobs that the query names; several statuses mean any of them."""
    return JobFilter(
        user_id=user.user_id,
        statuses=frozenset(status or ()),
        job_type=job_type,
        tag=tag,
        created_after=created_after,
        created_before=created_before,
    )


@router.get("", operation_id="list_jobs", responses=answers(401, 422, 503, ok=JobPage))
async def list_jobs(
    services: Work,
    which: Annotated[JobFilter, Depends(get_filter)],
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    offset: Annotated[int, Query(ge=0, le=MAX_OFFSET)] = 0,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    count: Counting | None = None,
) -> Response:
    """Your own jobs, newest first; the next page is where `Link: rel="next"` points."""
    before = decode_cursor(cursor, which) if cursor else None
    found = await services.views.newest(which, limit=limit + 1, before=before, offset=offset)
    page = found[:limit]
    content: dict[str, Any] = {"jobs": [job_out(view) for view in page], "next": None}
    headers = {}
    if len(found) > limit:
        next_page = {"limit": limit, "cursor": encode_cursor(page[-1].job.id, which)}
        content["next"] = link_to("/jobs", _asked(which) | next_page)
        headers["Link"] = f'<{content["next"]}>; rel="next"'
    match count:
        case Counting.EXACT:
            content["count"] = {"jobs": await services.views.count(which), "is_exact": True}
        case Counting.ESTIMATED:
            content["count"] = {"jobs": await services.views.estimate(which), "is_exact": False}
    return json_response(content, headers=headers)


def _asked(which: JobFilter) -> dict[str, Any]:
    return {
        "status": sorted(which.statuses),
        "job_type": which.job_type,
        "tag": which.tag,
        "created_after": instant(which.created_after),
        "created_before": instant(which.created_before),
    }


@router.get(
    "/{job_id}",
    operation_id="get_job",
    responses=answers(401, 404, 422, 503, ok=JobOut) | {304: {"description": "Not modified"}},
)
async def get_job(
    job_id: str,
    services: Work,
    reader: Reading,
    watch: Watch,
    as_of: AsOf | None = None,
    if_none_match: Annotated[str | None, Header()] = None,
    prefer: Annotated[str | None, Header()] = None,
) -> Response:
    """The job as it is now; 304 when it is still at the version of `If-None-Match`.

    `Prefer: wait=N` holds the answer back until the job changes, for at most 30 seconds. `as_of` shows the
    job as it was at a version, at a time, or when the ledger had come to a position.
    """
    view = await read_visible(reader, job_id)
    headers = {}
    known = ETAG.findall(if_none_match or "")
    seconds = seconds_to_wait(prefer)
    if as_of is not None:
        view = await _as_of(services, view.job.id, as_of)
    elif seconds is not None:
        headers["Preference-Applied"] = f"wait={seconds}"
        is_news = bool(known) and str(view.job.version) not in known
        if not is_news and not view.job.has_ended:
            await watch.moved_on(view.job.id, view.job.version, at_most=seconds)
            view = await read_visible(reader, job_id)
    headers["ETag"] = etag_of(view)
    if str(view.job.version) in known:
        return Response(status_code=304, headers=headers)
    return json_response(job_out(view), headers=headers)


async def _as_of(services: Services, job_id: JobId, as_of: int | datetime | str) -> JobView:
    if isinstance(as_of, str):
        position = int(as_of.removeprefix(POSITION))
        as_of = await version_at(services.ledger, job_id=job_id, position=position)
    view = await look_back(services.store, job_id=job_id, as_of=as_of)
    if view is None:
        raise JobNotFound(job_id)
    return view
