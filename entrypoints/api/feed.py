"""The whole history over HTTP, for auditors: by position, filtered, awaited, or as it happens."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import AfterValidator, BaseModel

from domain.audit import ACCESS_TYPES, AUDIT_TYPES
from domain.errors import StorageUnavailable
from domain.events import EVENT_TYPES
from domain.identifiers import JobId, UserId
from domain.ledger.lines import SealedEvent, event_fields
from domain.ports.ledger_reading import EventFilter, LedgerReading
from entrypoints.api.answers import dumps, instant, json_response
from entrypoints.api.auth import Token
from entrypoints.api.cursors import JOB_ID
from entrypoints.api.job_stream import EVENT_STREAM, HEADERS, HEARTBEAT_SECONDS
from entrypoints.api.requests import Auditing, FeedWatching, Text, Work, answers, link_to, seconds_to_wait
from entrypoints.api.schemas import Instant
from entrypoints.api.watching import FeedWatch
from entrypoints.services import Services

EVENTS_PER_PAGE = 200
MAX_POSITION = 2**63 - 1

Position = Annotated[int, Query(ge=0, le=MAX_POSITION)]

router = APIRouter(prefix="/events", tags=["audit"])


class SealedEventOut(BaseModel):
    """An event at its position, with all that its leaf hash and its commitment are made of."""

    position: int
    job_id: str
    version: int
    type: str
    schema_version: int
    recorded_at: datetime
    actor: dict[str, str]
    request_id: str | None
    command_id: str
    traceparent: str | None
    code_version: str
    facts: dict[str, Any]
    payload: dict[str, Any] | None
    salt: str | None
    commitment: str | None
    leaf_hash: str


class FeedPage(BaseModel):
    """`after` is how far this page looked: ask for what comes after it. `next` says that there is more."""

    events: list[SealedEventOut]
    after: int
    next: str | None


def _known_type(name: str) -> str:
    if name not in EVENT_TYPES and name not in AUDIT_TYPES:
        raise ValueError(f"There is no such event; there are {', '.join(sorted(EVENT_TYPES | AUDIT_TYPES))}.")
    return name


async def get_filter(
    job_id: Annotated[str | None, Query(pattern=f"^{JOB_ID.pattern}$")] = None,
    user_id: Annotated[Text | None, Query(description="Whose jobs.")] = None,
    actor_id: Annotated[Text | None, Query(description="Who acted.")] = None,
    type: Annotated[str | None, Query(), AfterValidator(lambda name: name and _known_type(name))] = None,  # noqa: A002 - the field's name
    since: Annotated[Instant | None, Query(description="Recorded at this time or later.")] = None,
    until: Annotated[Instant | None, Query(description="Recorded before this time.")] = None,
) -> EventFilter:
    return EventFilter(
        job_id=None if job_id is None else JobId(job_id),
        user_id=None if user_id is None else UserId(user_id),
        actor_id=actor_id,
        type=type,
        since=since,
        until=until,
    )


Filter = Annotated[EventFilter, Depends(get_filter)]


def told_filter(which: EventFilter) -> dict[str, str]:
    """What was asked for, as the query had it."""
    asked = {
        "job_id": which.job_id,
        "user_id": which.user_id,
        "actor_id": which.actor_id,
        "type": which.type,
        "since": instant(which.since),
        "until": instant(which.until),
    }
    return {name: value for name, value in asked.items() if value is not None}


@router.get("", operation_id="list_events", responses=answers(401, 403, 422, 503, ok=FeedPage))
async def list_events(
    services: Work,
    auditor: Auditing,
    watch: FeedWatching,
    which: Filter,
    after: Position = 0,
    limit: Annotated[int, Query(ge=1, le=EVENTS_PER_PAGE)] = EVENTS_PER_PAGE,
    prefer: Annotated[str | None, Header()] = None,
) -> Response:
    """Events above the position `after`, for auditors: dense, in order, and never with a gap.

    `Prefer: wait=N` holds an empty answer back until something comes, for at most 30 seconds; what auditors
    read themselves is no such thing.
    """
    await auditor.record()
    page, through = await _page(services.ledger, which, after, limit)
    seconds = seconds_to_wait(prefer)
    headers = {}
    if seconds is not None:
        headers["Preference-Applied"] = f"wait={seconds}"
        ends_at = services.clock.now().timestamp() + seconds
        while not is_news(page):
            left = ends_at - services.clock.now().timestamp()
            if not await watch.moved_past(through, at_most=left):
                break
            page, through = await _page(services.ledger, which, after, limit)
    is_more = len(page) == limit
    last = page[-1].position if is_more else max(after, through)
    link = link_to("/events", told_filter(which) | {"after": last, "limit": limit}) if is_more else None
    if link:
        headers["Link"] = f'<{link}>; rel="next"'
    content = {"events": [event_fields(event) for event in page], "after": last, "next": link}
    return json_response(content, headers=headers)


@router.get(
    "/stream",
    operation_id="stream_events",
    response_class=StreamingResponse,
    responses={
        200: {"content": {EVENT_STREAM: {"schema": {"type": "string"}}}},
        **answers(401, 403, 422, 503),
    },
)
async def stream_events(
    services: Work,
    auditor: Auditing,
    watch: FeedWatching,
    which: Filter,
    token: Token,
    after: Position = 0,
    last_event_id: Annotated[int | None, Header(ge=0, le=MAX_POSITION)] = None,
) -> Response:
    """Each event as it is sealed, its position as the id, from above `Last-Event-ID` or else `after`.

    Ends when the token expires and when the server leaves; whoever comes back with the id goes on from there.
    """
    await auditor.record()
    known = after if last_event_id is None else last_event_id
    told = tell_events(services, watch, which, after=known, until=token.expires_at)
    return StreamingResponse(told, media_type=EVENT_STREAM, headers=HEADERS)


async def tell_events(
    services: Services,
    watch: FeedWatch,
    which: EventFilter,
    *,
    after: int,
    until: datetime,
    heartbeat_seconds: float = HEARTBEAT_SECONDS,
) -> AsyncIterator[bytes]:
    """The stream's text; stops like the operation, and quietly when the database is gone.

    A heartbeat has the id of the position up to which nothing matched, so that it need not be read again.
    """
    try:
        while services.clock.now() < until and not watch.is_closed:
            page, through = await _page(services.ledger, which, after, EVENTS_PER_PAGE)
            for event in page:
                kind = event.envelope.type.encode()
                yield b"id: %d\nevent: %s\ndata: %s\n\n" % (event.position, kind, dumps(event_fields(event)))
            if len(page) == EVENTS_PER_PAGE:
                after = page[-1].position
                continue
            after = max(after, through)
            left = (until - services.clock.now()).total_seconds()
            if not await watch.moved_past(after, at_most=min(heartbeat_seconds, left)):
                yield b": still here\nid: %d\n\n" % after
    except StorageUnavailable:
        return


def is_news(page: list[SealedEvent]) -> bool:
    """Whether anything is there that a reader has not brought about by reading."""
    return any(event.envelope.type not in ACCESS_TYPES for event in page)


async def _page(
    ledger: LedgerReading, which: EventFilter, after: int, limit: int
) -> tuple[list[SealedEvent], int]:
    """The events, and the position up to which there are no others unless the page is full."""
    through = await ledger.last_position()
    return await ledger.read(which, after=after, through=through, limit=limit), through
