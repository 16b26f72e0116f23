"""Cancel and retry from the dashboard: a preview of what would happen, a reason, and what did happen."""

import re
from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import partial
from typing import Any, NamedTuple

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from domain import decisions
from domain.errors import (
    FieldProblem,
    IllegalTransition,
    InvalidSubmission,
    JobledgerError,
    JobNotFound,
    UniqueKeyHeld,
    VersionConflict,
)
from domain.events import JobEvent
from domain.identifiers import JobId
from domain.job import Job
from domain.lifecycle import Act
from domain.use_cases.act_on_many import Step, Target, act_on_many, find_targets
from domain.use_cases.cancel import cancel_job
from domain.use_cases.retry import retry_job
from domain.views import JobView
from entrypoints.api.cursors import JOB_ID
from entrypoints.api.problems import KINDS
from entrypoints.api.requests import Work, provenance_of
from entrypoints.dashboard.forms import Form, Sent
from entrypoints.dashboard.job_page import values_of
from entrypoints.dashboard.jobs_page import JOBS, AskedFor, filter_of
from entrypoints.dashboard.pages import PageRoute, page, record_refusal
from entrypoints.dashboard.viewer import SignedIn, Viewer, read_seen
from entrypoints.services import Services

MAX_JOBS = 1000
REFUSALS = (JobNotFound, IllegalTransition, VersionConflict, UniqueKeyHeld)
NO_REASON_YET = "not said yet"
VERSION = re.compile(r"[0-9]{1,9}")

router = APIRouter(route_class=PageRoute, include_in_schema=False)


class Verb(StrEnum):
    CANCEL = "cancel"
    RETRY = "retry"


ACTS = {Verb.CANCEL: Act.CANCEL, Verb.RETRY: Act.RETRY}
DECISIONS = {Verb.CANCEL: decisions.cancel, Verb.RETRY: decisions.retry}


class Row(NamedTuple):
    """One of many jobs: what would happen to it or did, and the job itself where it may be seen."""

    step: Step
    view: JobView | None


@router.post(f"{JOBS}/{{job_id}}/{{verb}}")
async def act_on_job(
    request: Request, job_id: str, verb: Verb, services: Work, viewer: SignedIn, form: Sent
) -> Response:
    """Do it and show the job; a refusal shows the job as it is by now, with what was wrong."""
    viewer.check_may_act()
    view = await read_seen(services, viewer, job_id)
    act: Any = cancel_job if verb is Verb.CANCEL else retry_job
    try:
        await act(
            services.store,
            services.hints,
            job_id=view.job.id,
            reason=form.reason(),
            owner=viewer.owner,
            expected_version=form.version(),
            provenance=provenance_of(request, services, viewer.actor),
        )
    except (*REFUSALS, InvalidSubmission) as error:
        await record_refusal(request, error)
        view = await read_seen(services, viewer, job_id)
        values = await values_of(request.app.state.settings, services, viewer, view)
        problem = {"title": KINDS[type(error)].title, "detail": _told(error)}
        status = KINDS[type(error)].status
        return page(request, "job.html", status, viewer=viewer, problem=problem, **values)
    return RedirectResponse(f"{JOBS}/{job_id}?done={verb}", 303)


@router.post(f"{JOBS}:preview")
async def preview_jobs(
    request: Request, services: Work, viewer: SignedIn, asked: AskedFor, form: Sent
) -> Response:
    """What an act would do to each of the chosen jobs, or of all that the list's filter finds."""
    viewer.check_may_act()
    verb = _verb(form)
    if form.one("all"):
        which = filter_of(asked, viewer, services.clock.now())
        targets, is_complete = await find_targets(services.views, which=which, act=ACTS[verb], limit=MAX_JOBS)
    else:
        targets, is_complete = _chosen(form), True
    return await _preview(request, services, viewer, verb, targets, is_complete=is_complete)


@router.post(f"{JOBS}:act")
async def act_on_jobs(request: Request, services: Work, viewer: SignedIn, form: Sent) -> Response:
    """Do it to each of the jobs at the version that was shown, and say for each what happened."""
    viewer.check_may_act()
    verb, targets = _verb(form), _chosen(form)
    try:
        reason = form.reason()
    except InvalidSubmission as error:
        return await _preview(request, services, viewer, verb, targets, problem=_told(error))
    rows = await _act(request, services, viewer, targets, partial(DECISIONS[verb], reason=reason))
    return page(request, "bulk_done.html", viewer=viewer, verb=verb, rows=rows, reason=reason)


async def _preview(
    request: Request,
    services: Services,
    viewer: Viewer,
    verb: Verb,
    targets: Sequence[Target],
    *,
    is_complete: bool = True,
    problem: str | None = None,
) -> HTMLResponse:
    decide = partial(DECISIONS[verb], reason=NO_REASON_YET)
    rows = await _act(request, services, viewer, targets, decide, dry_run=True)
    return page(
        request,
        "bulk_preview.html",
        422 if problem else 200,
        viewer=viewer,
        verb=verb,
        rows=rows,
        is_complete=is_complete,
        problem=problem,
    )


async def _act(
    request: Request,
    services: Services,
    viewer: Viewer,
    targets: Sequence[Target],
    decide: Callable[[Job], JobEvent],
    *,
    dry_run: bool = False,
) -> list[Row]:
    steps = await act_on_many(
        services.store,
        services.views,
        services.hints,
        targets=targets,
        decide=decide,
        provenance=provenance_of(request, services, viewer.actor),
        owner=viewer.owner,
        dry_run=dry_run,
    )
    views = await services.views.get_many([target.job_id for target in targets])
    return [
        Row(step, None if isinstance(step.refusal, JobNotFound) else views.get(step.target.job_id))
        for step in steps
    ]


def _verb(form: Form) -> Verb:
    if form.one("verb") not in set(Verb):
        raise InvalidSubmission([FieldProblem(pointer="/verb", detail="Choose cancel or retry.")])
    return Verb(form.one("verb"))


def _chosen(form: Form) -> list[Target]:
    """The jobs with the versions that were shown, each sent as `id@version`."""
    chosen: dict[str, Target] = {}
    for name in form.get("job", []):
        job_id, _, version = name.partition("@")
        if not JOB_ID.fullmatch(job_id) or not VERSION.fullmatch(version):
            raise InvalidSubmission([FieldProblem(pointer="/job", detail="The choice cannot be read.")])
        chosen[job_id] = Target(job_id=JobId(job_id), version=int(version))
    if not 1 <= len(chosen) <= MAX_JOBS:
        raise InvalidSubmission([FieldProblem(pointer="/job", detail=f"Choose 1 to {MAX_JOBS} jobs first.")])
    return list(chosen.values())


def _told(error: JobledgerError) -> str:
    return error.problems[0].detail if isinstance(error, InvalidSubmission) else str(error)
