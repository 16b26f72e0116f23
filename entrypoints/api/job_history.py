"""The history of a job over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from entrypoints.api.answers import EventPage, event_out, json_response
from entrypoints.api.requests import Reading, Work, answers, link_to, read_visible

EVENTS_PER_PAGE = 200

router = APIRouter(prefix="/jobs", tags=["jobs"])


@router.get(
    "/{job_id}/events",
    operation_id="list_job_events",
    responses=answers(401, 404, 410, 422, 503, ok=EventPage),
)
async def list_job_events(
    job_id: str,
    services: Work,
    reader: Reading,
    after: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
    limit: Annotated[int, Query(ge=1, le=EVENTS_PER_PAGE)] = EVENTS_PER_PAGE,
) -> Response:
    """What happened to the job, in order, above version `after`."""
    view = await read_visible(reader, job_id)
    found = await services.store.read_stream(view.job.id, after_version=after, limit=limit + 1)
    page = found[:limit]
    link = None
    if len(found) > limit:
        link = link_to(f"/jobs/{job_id}/events", {"after": page[-1].version, "limit": limit})
    headers = {"Link": f'<{link}>; rel="next"'} if link else None
    return json_response({"events": [event_out(event) for event in page], "next": link}, headers=headers)
