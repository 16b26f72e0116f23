"""The first page: how many jobs are where, how much happens, how long it takes."""

from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Query, Request, Response

from domain.job_statistics import percentile
from domain.ledger.notes import parse_checkpoint, parse_note
from domain.lifecycle import ENDED, RUNNING, WAITING, Status
from entrypoints.api.requests import Watch, Work
from entrypoints.dashboard.charts import HIGH, MEDIAN
from entrypoints.dashboard.figures import Figures
from entrypoints.dashboard.flows import SPANS, SUBMITTED, TROUBLES, Flow, Period, Tally
from entrypoints.dashboard.live import stream
from entrypoints.dashboard.pages import HOME, PageRoute, page, render
from entrypoints.dashboard.viewer import SignedIn, Viewer
from entrypoints.services import Services

REFRESH_SECONDS = 1.0
GROUPS = (("Waiting", WAITING), ("Running", RUNNING), ("Ended", ENDED))

router = APIRouter(route_class=PageRoute, include_in_schema=False)

Chosen = Annotated[Period, Query()]


class TypeRow(NamedTuple):
    """One job type: its jobs by status now, and what happened to it in the period."""

    name: str
    jobs: dict[Status, int]
    tally: Tally | None


@router.get(HOME)
async def show_overview(
    request: Request, services: Work, viewer: SignedIn, period: Chosen = Period.HOUR
) -> Response:
    values = await _values(services, request.app.state.figures, viewer, period)
    return page(request, "overview.html", viewer=viewer, **values)


@router.get(f"{HOME}/overview/live")
async def follow_overview(
    request: Request, services: Work, watch: Watch, viewer: SignedIn, period: Chosen = Period.HOUR
) -> Response:
    async def draw() -> str:
        values = await _values(services, request.app.state.figures, viewer, period)
        return render("overview_figures.html", viewer=viewer, **values)

    return stream(draw, services, watch, until=viewer.expires_at, every=REFRESH_SECONDS)


async def _values(services: Services, figures: Figures, viewer: Viewer, period: Period) -> dict[str, Any]:
    counts = await figures.counts(viewer.scope)
    drawing = await figures.period(viewer.scope, period)
    flow = drawing.flow
    jobs = dict.fromkeys(Status, 0)
    by_type: dict[str, dict[Status, int]] = {}
    for count in counts:
        jobs[count.status] += count.jobs
        by_type.setdefault(count.job_type, dict.fromkeys(Status, 0))[count.status] += count.jobs
    rows = [TypeRow(name, found, flow.by_type.get(name)) for name, found in sorted(by_type.items())]
    return {
        "period": period,
        "spans": SPANS,
        "jobs": jobs,
        "groups": GROUPS,
        "types": rows,
        **drawing._asdict(),
        "key_figures": _key_figures(flow),
        **await _foundations(services, viewer),
        "now": services.clock.now(),
        "percentile": percentile,
    }


async def _foundations(services: Services, viewer: Viewer) -> dict[str, Any]:
    """The queue and the ledger's head, for those who see everybody's."""
    if not viewer.sees_everybody:
        return {"queue": None}
    head = await services.ledger.head()
    return {
        "queue": await services.statistics.queue_depth(),
        "sealed": await services.ledger.last_position(),
        "head": parse_checkpoint(parse_note(head.note).body) if head else None,
    }


def _key_figures(flow: Flow) -> dict[str, Any]:
    total = flow.total
    minutes = flow.span.length.total_seconds() / 60
    decided = total.events["JobCompleted"] + total.events["JobFailed"]
    return {
        "submitted": total.events[SUBMITTED],
        "ended": total.ended,
        "per_minute": total.ended / minutes,
        "success": total.events["JobCompleted"] / decided if decided else None,
        "troubles": sum(total.events[name] for name in TROUBLES),
        "wait_median": percentile(total.waiting, MEDIAN),
        "wait_high": percentile(total.waiting, HIGH),
        "run_median": percentile(total.running, MEDIAN),
        "run_high": percentile(total.running, HIGH),
    }
