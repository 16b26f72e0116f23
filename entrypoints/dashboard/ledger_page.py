"""The ledger's head: how far the history is sealed and signed, and what was sealed last."""

import base64
from typing import Any

from fastapi import APIRouter, Request, Response

from domain.errors import NotPermitted, NotSealed
from domain.events import EVENT_TYPES
from domain.ports.ledger_reading import EVERYTHING
from domain.use_cases.prove import signed_tree
from entrypoints.api.requests import Watch, Work
from entrypoints.dashboard.live import stream
from entrypoints.dashboard.pages import HOME, PageRoute, page, render
from entrypoints.dashboard.viewer import SignedIn, Viewer, note_reading
from entrypoints.services import Services

LEDGER = f"{HOME}/ledger"
REFRESH_SECONDS = 1.0
EVENTS = 20

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get(LEDGER)
async def show_ledger(request: Request, services: Work, viewer: SignedIn) -> Response:
    await note_reading(request, viewer)
    return page(request, "ledger.html", viewer=viewer, **await _values(services, viewer))


@router.get(f"{LEDGER}/live")
async def follow_ledger(services: Work, watch: Watch, viewer: SignedIn) -> Response:
    async def draw() -> str:
        return render("ledger_parts.html", viewer=viewer, **await _values(services, viewer))

    return stream(draw, services, watch, until=viewer.expires_at, every=REFRESH_SECONDS)


async def _values(services: Services, viewer: Viewer) -> dict[str, Any]:
    if not viewer.sees_everybody:
        raise NotPermitted("The ledger as a whole is for operators and auditors to see.")
    last = await services.ledger.last_position()
    try:
        tree = await signed_tree(services.ledger)
    except NotSealed:
        tree = None
    events = await services.ledger.read(EVERYTHING, after=max(0, last - EVENTS), limit=EVENTS)
    return {
        "job_events": EVENT_TYPES,
        "last": last,
        "tree": tree,
        "root": base64.b64encode(tree.checkpoint.root).decode() if tree else "",
        "keys": await services.ledger.keys(),
        "events": events[::-1],
        "unsigned": last - tree.last if tree else last,
    }
