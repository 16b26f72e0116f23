"""One job: what it is, why it is where it is, its life as a picture, and every event of its history."""

from typing import Any

from fastapi import APIRouter, Request, Response

from domain.events import RecordedEvent
from domain.explanation import explain
from domain.identifiers import JobId
from domain.lifecycle import Act
from domain.views import JobView
from entrypoints.api.answers import event_out, job_out, json_response
from entrypoints.api.job_explanation import patience_for
from entrypoints.api.requests import Watch, Work
from entrypoints.dashboard.changes import rows_of
from entrypoints.dashboard.jobs_page import JOBS, may
from entrypoints.dashboard.live import stream
from entrypoints.dashboard.pages import PageRoute, page, render
from entrypoints.dashboard.proof import Proven, prove_job
from entrypoints.dashboard.timeline import timeline_of
from entrypoints.dashboard.viewer import SignedIn, Viewer, note_reading, read_seen
from entrypoints.dashboard.words import pretty
from entrypoints.services import Services
from entrypoints.settings import Settings

EVENTS_AT_ONCE = 1000
# A page holds no more of a history than somebody reads; the JSON holds all of it.
MAX_EVENTS = 2000
REFRESH_SECONDS = 0.5
LOOKS_IN_BETWEEN = 4

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get(f"{JOBS}/{{job_id}}")
async def show_job(request: Request, job_id: str, services: Work, viewer: SignedIn) -> Response:
    await note_reading(request, viewer)
    view = await read_seen(services, viewer, job_id)
    return page(
        request, "job.html", viewer=viewer, **await values_of(_settings(request), services, viewer, view)
    )


@router.get(f"{JOBS}/{{job_id}}/live")
async def follow_job(
    request: Request, job_id: str, services: Work, watch: Watch, viewer: SignedIn
) -> Response:
    drawing = JobDrawing(_settings(request), services, viewer, job_id)
    return stream(drawing.draw, services, watch, until=viewer.expires_at, every=REFRESH_SECONDS)


class JobDrawing:
    """Draws a job anew when it moved on, and now and then until it has ended and is proven."""

    def __init__(self, settings: Settings, services: Services, viewer: Viewer, job_id: str) -> None:
        self._settings = settings
        self._services = services
        self._viewer = viewer
        self._job_id = job_id
        self._version = 0
        self._looks = 0
        self._is_settled = False
        self._drawn = ""

    async def draw(self) -> str:
        self._looks += 1
        looks_again = not self._is_settled and self._looks % LOOKS_IN_BETWEEN == 0
        if self._drawn and not looks_again and not await self._moved_on():
            return self._drawn
        view = await read_seen(self._services, self._viewer, self._job_id)
        values = await values_of(self._settings, self._services, self._viewer, view)
        self._drawn = render("job_parts.html", viewer=self._viewer, **values)
        self._version = view.job.version
        self._is_settled = view.job.has_ended and values["proof"].state is Proven.ALL
        return self._drawn

    async def _moved_on(self) -> bool:
        job_id = JobId(self._job_id)
        return (await self._services.views.versions([job_id])).get(job_id) != self._version


@router.get(f"{JOBS}/{{job_id}}/json")
async def show_json(request: Request, job_id: str, services: Work, viewer: SignedIn) -> Response:
    """The job and its whole history, as the API shows both."""
    await note_reading(request, viewer)
    view = await read_seen(services, viewer, job_id)
    events = await whole_stream(services, view.job.id)
    return json_response({"job": job_out(view), "events": [event_out(recorded) for recorded in events]})


async def whole_stream(services: Services, job_id: JobId, *, most: int | None = None) -> list[RecordedEvent]:
    """The job's events in order, `most` of them where it is given."""
    events: list[RecordedEvent] = []
    while most is None or len(events) < most:
        after = events[-1].version if events else 0
        found = await services.store.read_stream(job_id, after_version=after, limit=EVENTS_AT_ONCE)
        events += found
        if len(found) < EVENTS_AT_ONCE:
            break
    return events


async def values_of(settings: Settings, services: Services, viewer: Viewer, view: JobView) -> dict[str, Any]:
    """What the templates of a job show."""
    events = await whole_stream(services, view.job.id, most=MAX_EVENTS)
    now = services.clock.now()
    standing = await services.standings.of(view.job.id)
    patience = patience_for(view.job.job_type, services, settings)
    return {
        "explanation": explain(standing, patience) if standing else None,
        "view": view,
        "job": view.job,
        "rows": rows_of(events),
        "is_cut": len(events) < view.job.version,
        "timeline": timeline_of(events, now),
        "proof": await prove_job(services.ledger, view.job.id, version=view.job.version),
        "may_cancel": may(viewer, view, Act.CANCEL),
        "may_retry": may(viewer, view, Act.RETRY),
        "parameters": pretty(view.job_parameters),
        "result": pretty(view.result),
        "whole": pretty(job_out(view)),
        "now": now,
    }


def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings
