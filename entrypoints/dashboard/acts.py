"""Cancel and retry from the dashboard: a preview of what would happen, a reason, and what did happen."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from domain.errors import (
    FieldProblem,
    IllegalTransition,
    InvalidSubmission,
    JobledgerError,
    JobNotFound,
    UniqueKeyHeld,
    VersionConflict,
)
from domain.identifiers import JobId
from domain.lifecycle import Act, Status, allowed
from domain.use_cases.cancel import cancel_job
from domain.use_cases.retry import retry_job
from domain.views import JobView
from entrypoints.api.problems import KINDS
from entrypoints.api.requests import Work, provenance_of
from entrypoints.dashboard.forms import Form, Sent
from entrypoints.dashboard.job_page import values_of
from entrypoints.dashboard.jobs_page import JOBS, may
from entrypoints.dashboard.pages import PageRoute, page, record_refusal
from entrypoints.dashboard.viewer import SignedIn, Viewer, read_seen
from entrypoints.services import Services

MAX_JOBS = 100
REFUSALS = (JobNotFound, IllegalTransition, VersionConflict, UniqueKeyHeld)

router = APIRouter(route_class=PageRoute, include_in_schema=False)


class Verb(StrEnum):
    CANCEL = "cancel"
    RETRY = "retry"


ACTS = {Verb.CANCEL: Act.CANCEL, Verb.RETRY: Act.RETRY}


class Preview(NamedTuple):
    """What an act would do to one job: where it leads, or why it would be refused."""

    view: JobView
    leads_to: Status | None
    refusal: str


class Outcome(NamedTuple):
    """What an act did to one job: the job after it, or why it was refused."""

    job_id: JobId
    after: JobView | None
    refusal: str
    status: int


def preview(viewer: Viewer, view: JobView, verb: Verb) -> Preview:
    if not allowed(view.job.status, ACTS[verb]):
        return Preview(view, None, str(IllegalTransition(act=verb, status=view.job.status)))
    if not may(viewer, view, ACTS[verb]):
        return Preview(view, None, "It is somebody else's job.")
    if verb is Verb.RETRY:
        return Preview(view, Status.PENDING, "")
    is_running = view.job.status is Status.PROCESSING
    return Preview(view, Status.CANCELLING if is_running else Status.CANCELLED, "")


@router.post(f"{JOBS}/{{job_id}}/{{verb}}")
async def act_on_job(
    request: Request, job_id: str, verb: Verb, services: Work, viewer: SignedIn, form: Sent
) -> Response:
    """Do it and show the job; a refusal shows the job as it is by now, with what was wrong."""
    viewer.check_may_act()
    view = await read_seen(services, viewer, job_id)
    try:
        reason = form.reason()
        await _act(request, services, viewer, verb, view.job.id, reason, form.version())
    except (*REFUSALS, InvalidSubmission) as error:
        await record_refusal(request, error)
        view = await read_seen(services, viewer, job_id)
        values = await values_of(services, viewer, view)
        problem = {"title": KINDS[type(error)].title, "detail": _told(error), "verb": verb}
        return page(request, "job.html", KINDS[type(error)].status, viewer=viewer, problem=problem, **values)
    return RedirectResponse(f"{JOBS}/{job_id}?done={verb}", 303)


@router.post(f"{JOBS}:preview")
async def preview_jobs(request: Request, services: Work, viewer: SignedIn, form: Sent) -> Response:
    """What an act would do to each of the chosen jobs; nothing is done yet."""
    viewer.check_may_act()
    verb, chosen = _chosen(form)
    previews = [preview(viewer, view, verb) for view in await _seen(services, viewer, chosen)]
    return page(request, "bulk_preview.html", viewer=viewer, verb=verb, previews=previews, problem=None)


@router.post(f"{JOBS}:act")
async def act_on_jobs(request: Request, services: Work, viewer: SignedIn, form: Sent) -> Response:
    """Do it to each of the chosen jobs at the version that was shown, and say for each what happened."""
    viewer.check_may_act()
    verb, chosen = _chosen(form)
    views = await _seen(services, viewer, chosen)
    try:
        reason = form.reason()
    except InvalidSubmission as error:
        previews = [preview(viewer, view, verb) for view in views]
        return page(
            request,
            "bulk_preview.html",
            422,
            viewer=viewer,
            verb=verb,
            previews=previews,
            problem=_told(error),
        )
    outcomes = []
    for view in views:
        try:
            after = await _act(request, services, viewer, verb, view.job.id, reason, chosen[view.job.id])
            outcomes.append(Outcome(view.job.id, after, "", 200))
        except REFUSALS as error:
            await record_refusal(request, error)
            outcomes.append(Outcome(view.job.id, None, str(error), KINDS[type(error)].status))
    return page(request, "bulk_done.html", viewer=viewer, verb=verb, outcomes=outcomes, reason=reason)


async def _act(
    request: Request,
    services: Services,
    viewer: Viewer,
    verb: Verb,
    job_id: JobId,
    reason: str,
    version: int | None,
) -> JobView:
    act: Any = cancel_job if verb is Verb.CANCEL else retry_job
    after: JobView = await act(
        services.store,
        services.hints,
        job_id=job_id,
        reason=reason,
        owner=viewer.owner,
        expected_version=version,
        provenance=provenance_of(request, services, viewer.actor),
    )
    return after


def _chosen(form: Form) -> tuple[Verb, dict[JobId, int | None]]:
    """The act, and the jobs with the versions that were shown: each is sent as `id` or `id@version`."""
    names = form.get("job", [])
    problems = []
    if form.one("verb") not in set(Verb):
        problems.append(FieldProblem(pointer="/verb", detail="Choose cancel or retry."))
    if not 1 <= len(names) <= MAX_JOBS:
        problems.append(FieldProblem(pointer="/job", detail=f"Choose 1 to {MAX_JOBS} jobs first."))
    if problems:
        raise InvalidSubmission(problems)
    chosen: dict[JobId, int | None] = {}
    for name in names:
        job_id, _, version = name.partition("@")
        chosen[JobId(job_id)] = int(version) if version.isascii() and version.isdigit() else None
    return Verb(form.one("verb")), chosen


async def _seen(services: Services, viewer: Viewer, chosen: dict[JobId, int | None]) -> Sequence[JobView]:
    return [await read_seen(services, viewer, job_id) for job_id in chosen]


def _told(error: JobledgerError) -> str:
    return error.problems[0].detail if isinstance(error, InvalidSubmission) else str(error)
