"""Reading jobs over HTTP."""

import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Response
from pydantic import PlainValidator, TypeAdapter, ValidationError, WithJsonSchema
from pydantic_core import PydanticCustomError

from domain.errors import JobNotFound
from domain.lifecycle import Status
from domain.ports.job_views import LOOK, JobFilter
from domain.use_cases.look_back import look_back, version_at
from domain.views import JobView
from entrypoints.api.answers import JobOut, JobPage, instant, job_out, json_response
from entrypoints.api.auth import CurrentUser
from entrypoints.api.cursors import decode_cursor, encode_cursor
from entrypoints.api.requests import (
    Reading,
    Text,
    Watch,
    Work,
    answers,
    etag_of,
    is_named,
    link_to,
    read_visible,
    seconds_to_wait,
)
from entrypoints.api.schemas import Instant
from entrypoints.services import Services

MAX_OFFSET = 10_000

POSITION = "position:"
POSITION_FORM = rf"^{POSITION}[1-9][0-9]{{0,17}}$"
MAX_VERSION = 2**31 - 1
AS_OF_FORM = "Give a version, a time like 2030-01-01T12:00:00Z, or `position:` and one of the ledger's."
INSTANT: TypeAdapter[datetime] = TypeAdapter(Instant)


def parse_as_of(value: Any) -> int | datetime | str:
    text = str(value)
    if re.fullmatch(r"[1-9][0-9]{0,9}", text) and int(text) <= MAX_VERSION:
        return int(text)
    if re.fullmatch(POSITION_FORM, text):
        return text
    try:
        return INSTANT.validate_python(text)
    except ValidationError:
        raise PydanticCustomError("as_of_form", AS_OF_FORM) from None


AsOf = Annotated[
    int | datetime | str,
    PlainValidator(parse_as_of),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": MAX_VERSION},
                {"type": "string", "format": "date-time"},
                {"type": "string", "pattern": POSITION_FORM},
            ]
        }
    ),
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
    """Your own jobs, newest first; the next page is where `Link: rel="next"` points.

    A page looks at no more than a thousand jobs, so it may hold fewer than `limit`, even none, and yet have a
    next one: the list ends where `next` is null. With an `offset` it looks on until it is full.
    """
    before = decode_cursor(cursor, which) if cursor else None
    look = None if offset else LOOK
    page = await services.views.newest(which, limit=limit, before=before, offset=offset, look=look)
    content: dict[str, Any] = {"jobs": [job_out(view) for view in page.views], "next": None}
    headers = {}
    if page.following:
        next_page = {"limit": limit, "cursor": encode_cursor(page.following, which)}
        content["next"] = link_to("/jobs", _asked(which) | next_page)
        headers["Link"] = f'<{content["next"]}>; rel="next"'
    match count:
        case Counting.EXACT:
            content["count"] = {"jobs": await services.views.count(which), "is_exact": True}
        case Counting.ESTIMATED:
            # The planner may not have seen yet what we have just read.
            at_least = offset + len(page.views) if page.views else 0
            estimated = max(at_least, await services.views.estimate(which))
            content["count"] = {"jobs": estimated, "is_exact": False}
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
    responses=answers(401, 404, 410, 422, 503, ok=JobOut) | {304: {"description": "Not modified"}},
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
    seconds = seconds_to_wait(prefer)
    if as_of is not None:
        view = await _as_of(services, view, as_of)
    elif seconds is not None:
        headers["Preference-Applied"] = f"wait={seconds}"
        is_news = if_none_match is not None and not is_named(view, if_none_match)
        if not is_news and not view.job.has_ended:
            await watch.moved_on(view.job.id, view.job.version, at_most=seconds)
            view = await read_visible(reader, job_id)
    headers["ETag"] = etag_of(view)
    if is_named(view, if_none_match):
        return Response(status_code=304, headers=headers)
    return json_response(job_out(view), headers=headers)


async def _as_of(services: Services, now: JobView, as_of: int | datetime | str) -> JobView:
    job_id = now.job.id
    if isinstance(as_of, int) and as_of > now.job.version:
        raise JobNotFound(job_id, f"Job {job_id} has come to version {now.job.version}, not {as_of}.")
    if isinstance(as_of, str):
        position = int(as_of.removeprefix(POSITION))
        as_of = await version_at(services.ledger, job_id=job_id, position=position)
    view = await look_back(services.store, job_id=job_id, as_of=as_of)
    if view is None:
        raise JobNotFound(job_id, f"Job {job_id} was not there yet.")
    return view
