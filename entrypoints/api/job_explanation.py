"""Why a job is where it is, over HTTP."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel

from domain.errors import JobNotFound
from domain.explanation import Explanation, Patience, Reason, explain
from domain.lifecycle import Status
from domain.ports.standings import COUNTED_TO, Standing
from entrypoints.api.answers import instant, json_response
from entrypoints.api.auth import get_settings
from entrypoints.api.limit_schemas import RateModel, limit_out
from entrypoints.api.requests import Reading, Work, answers, read_visible
from entrypoints.services import Services
from entrypoints.settings import Settings

router = APIRouter(prefix="/jobs", tags=["jobs"])


class CountedOut(BaseModel):
    """So many, or, with `is_more`, more than so many."""

    jobs: int
    is_more: bool


class AheadOut(BaseModel):
    """Who is before the job: in the outbox, by priority, and in the queue."""

    of_its_priority: CountedOut
    of_higher_priority: CountedOut
    in_queue: CountedOut


class RelayOut(BaseModel):
    """How far the relay is behind, by the entry that waits longest."""

    oldest_due_at: datetime | None
    lag_seconds: float


class WorkersOut(BaseModel):
    """How many live, how many of them serve the job's type, and how many more attempts those take."""

    living: int
    serving: int
    free_places: int


class LeaseOut(BaseModel):
    """Whose the running attempt is, and until when; without `until` its message is gone."""

    worker_id: str
    until: datetime | None
    is_lapsed: bool


class NextOut(BaseModel):
    """What comes next if nothing else comes between: in words, as an event, and when, where that is known."""

    told: str
    event: str | None
    at: datetime | None


class HeldByOut(BaseModel):
    """What holds the job, as it is set, and how many attempts count against it now."""

    queue: str | None
    user_id: str | None
    group_key: str | None
    concurrency: int | None
    rate: RateModel | None
    taken: int


class ExplanationOut(BaseModel):
    """`reason` is stable, `told` is for people. `ahead`, `relay` and `workers` are of jobs that wait."""

    job_id: str
    status: Status
    version: int
    at: datetime
    reason: Reason
    told: str
    next: NextOut
    ahead: AheadOut | None
    relay: RelayOut | None
    workers: WorkersOut | None
    held_by: HeldByOut | None
    lease: LeaseOut | None


@router.get(
    "/{job_id}/explain",
    operation_id="explain_job",
    responses=answers(401, 404, 410, 503, ok=ExplanationOut),
)
async def explain_job(
    job_id: str,
    services: Work,
    reader: Reading,
    settings: Annotated[Settings, Depends(get_settings)],
) -> Response:
    """Why the job is where it is, and what happens next and when."""
    view = await read_visible(reader, job_id)
    standing = await services.standings.of(view.job.id)
    if standing is None:
        raise JobNotFound(job_id)
    patience = patience_for(view.job.job_type, services, settings)
    return json_response(_explanation_out(standing, explain(standing, patience)))


def patience_for(job_type: str, services: Services, settings: Settings) -> Patience:
    """How long things may take for jobs of this type, as this service is set."""
    kind = services.types.find(job_type)
    return Patience(
        lease=timedelta(seconds=settings.lease_seconds),
        attempt=timedelta(seconds=kind.timeout_seconds if kind else settings.lease_seconds),
        silence=timedelta(minutes=settings.job_stuck_timeout_minutes),
    )


def _explanation_out(standing: Standing, explanation: Explanation) -> dict[str, Any]:
    job = standing.view.job
    coming = explanation.next
    return {
        "job_id": job.id,
        "status": job.status.value,
        "version": job.version,
        "at": instant(standing.at),
        "reason": explanation.reason.value,
        "told": explanation.told,
        "next": {
            "told": coming.told,
            "event": coming.event.__name__ if coming.event else None,
            "at": instant(coming.at),
        },
        "ahead": _ahead_out(standing) if job.is_waiting else None,
        "relay": _relay_out(standing) if job.is_waiting else None,
        "workers": standing.crew._asdict() if job.is_waiting else None,
        "held_by": _held_by_out(standing),
        "lease": _lease_out(standing),
    }


def _ahead_out(standing: Standing) -> dict[str, Any]:
    return {
        name: {"jobs": min(number, COUNTED_TO), "is_more": number > COUNTED_TO}
        for name, number in standing.line._asdict().items()
    }


def _relay_out(standing: Standing) -> dict[str, Any]:
    oldest = standing.oldest_due_at
    lag = (standing.at - oldest).total_seconds() if oldest else 0.0
    return {"oldest_due_at": instant(oldest), "lag_seconds": round(max(lag, 0.0), 3)}


def _held_by_out(standing: Standing) -> dict[str, Any] | None:
    hold = standing.hold
    if hold is None or hold.limit is None or not standing.view.job.is_waiting:
        return None
    told = limit_out(hold.limit)
    kept = ("user_id", "group_key", "concurrency", "rate")
    queue = hold.limit.scope.name if hold.limit.is_paused else None
    return {"queue": queue, "taken": hold.taken} | {name: told[name] for name in kept}


def _lease_out(standing: Standing) -> dict[str, Any] | None:
    lease, message = standing.view.job.lease, standing.message
    if lease is None:
        return None
    is_ours = message is not None and message.read_ct == lease.read_ct
    return {
        "worker_id": lease.worker_id,
        "until": instant(message.visible_at) if message and is_ours else None,
        "is_lapsed": message is None or not is_ours or message.visible_at <= standing.at,
    }
