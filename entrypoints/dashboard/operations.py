"""What runs the jobs: the queue, and the recovery sweeps."""

from typing import Any

from fastapi import APIRouter, Request, Response

from domain.errors import NotPermitted
from entrypoints.api.requests import Watch, Work
from entrypoints.dashboard.live import stream
from entrypoints.dashboard.pages import HOME, PageRoute, page, render
from entrypoints.dashboard.viewer import SignedIn, Viewer
from entrypoints.services import Services

OPERATIONS = f"{HOME}/operations"
REFRESH_SECONDS = 1.0
SWEEPS = 20

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get(OPERATIONS)
async def show_operations(request: Request, services: Work, viewer: SignedIn) -> Response:
    return page(request, "operations.html", viewer=viewer, **await _values(services, viewer))


@router.get(f"{OPERATIONS}/live")
async def follow_operations(services: Work, watch: Watch, viewer: SignedIn) -> Response:
    async def draw() -> str:
        return render("operations_parts.html", viewer=viewer, **await _values(services, viewer))

    return stream(draw, services, watch, until=viewer.expires_at, every=REFRESH_SECONDS)


async def _values(services: Services, viewer: Viewer) -> dict[str, Any]:
    if not viewer.sees_everybody:
        raise NotPermitted("What runs the jobs is for operators and auditors to see.")
    return {
        "vitals": await services.vitals.read(),
        "queue": await services.statistics.queue_depth(),
        "workers": await services.workers.living(),
        "sweeps": await services.statistics.sweeps(limit=SWEEPS),
        "now": services.clock.now(),
    }
