"""The history of a job while it happens, as server-sent events."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import StreamingResponse

from domain.errors import StorageUnavailable
from domain.identifiers import JobId
from entrypoints.api.answers import dumps, event_out
from entrypoints.api.auth import Token
from entrypoints.api.requests import Reading, Watch, Work, answers, read_visible
from entrypoints.api.watching import JobWatch
from entrypoints.services import Services

EVENTS_AT_ONCE = 200
HEARTBEAT_SECONDS = 15.0
# Without an id, so that it never becomes anybody's Last-Event-ID.
HEARTBEAT = b": still here\n\n"
EVENT_STREAM = "text/event-stream"
# Otherwise nginx would gather what should arrive at once.
HEADERS = {"X-Accel-Buffering": "no"}

Version = Annotated[int, Query(ge=0, le=2**31 - 1)]

router = APIRouter(prefix="/jobs", tags=["jobs"])


@router.get(
    "/{job_id}/events/stream",
    operation_id="stream_job_events",
    response_class=StreamingResponse,
    responses={
        200: {"content": {EVENT_STREAM: {"schema": {"type": "string"}}}},
        204: {"description": "The job has ended and you have its last event: do not come back"},
        **answers(401, 404, 410, 422, 503),
    },
)
async def stream_job_events(
    job_id: str,
    services: Work,
    watch: Watch,
    reader: Reading,
    token: Token,
    after: Version = 0,
    last_event_id: Annotated[int | None, Header(ge=0, le=2**31 - 1)] = None,
) -> Response:
    """Each event as it happens, its version as the id, from above `Last-Event-ID` or else `after`.

    Ends after the job's final event, when the token expires, and when the server leaves.
    """
    view = await read_visible(reader, job_id)
    known = after if last_event_id is None else last_event_id
    if view.job.has_ended and known >= view.job.version:
        return Response(status_code=204)
    told = tell_events(services, watch, view.job.id, after=known, until=token.expires_at)
    return StreamingResponse(told, media_type=EVENT_STREAM, headers=HEADERS)


async def tell_events(
    services: Services,
    watch: JobWatch,
    job_id: JobId,
    *,
    after: int,
    until: datetime,
    heartbeat_seconds: float = HEARTBEAT_SECONDS,
) -> AsyncIterator[bytes]:
    """The stream's text; stops like the operation, and quietly when the database is gone.

    Its reader comes back with the id that it has, and is then told what is wrong.
    """
    try:
        while services.clock.now() < until and not watch.is_closed:
            # Looked at first: an event that comes in between is then found by the next round.
            view = await services.views.get(job_id)
            page = await services.store.read_stream(job_id, after_version=after, limit=EVENTS_AT_ONCE)
            for recorded in page:
                after = recorded.version
                out = event_out(recorded)
                yield b"id: %d\nevent: %s\ndata: %s\n\n" % (after, out["type"].encode(), dumps(out))
            if view is None or (view.job.has_ended and after >= view.job.version):
                return
            if page:
                continue
            left = (until - services.clock.now()).total_seconds()
            if not await watch.moved_on(job_id, after, at_most=min(heartbeat_seconds, left)):
                yield HEARTBEAT
    except StorageUnavailable:
        return
