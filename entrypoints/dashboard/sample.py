"""A first job by one click, for a service that has none yet."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from domain.errors import JobledgerError, NotPermitted
from domain.identifiers import Json
from domain.sample_task import sample_task
from domain.use_cases.submit import Submission, submit_jobs
from entrypoints.api.auth import ValidatedJWTUser, actor_of
from entrypoints.api.requests import Work, provenance_of
from entrypoints.dashboard.forms import Sent
from entrypoints.dashboard.jobs_page import JOBS
from entrypoints.dashboard.pages import HOME, PageRoute
from entrypoints.dashboard.viewer import SignedIn

# Long enough to be watched, and its first attempt fails, so that there is something to see.
PARAMETERS: dict[str, Json] = {
    "steps": 10,
    "duration_seconds": 4,
    "progress": True,
    "fail_on_attempts": [1],
    "result": "hello",
}

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.post(f"{HOME}/sample")
async def submit_sample(request: Request, services: Work, viewer: SignedIn, _: Sent) -> Response:
    """Submit the sample task as the viewer, and lead to it."""
    viewer.check_may_act()
    if sample_task not in list(services.types):
        raise NotPermitted("This service does not run the sample task.")
    (answer,) = await submit_jobs(
        services.store,
        services.types,
        services.parser,
        services.hints,
        services.clock,
        services.ids,
        user_id=viewer.user_id,
        submissions=[
            Submission(job_type=sample_task.name, job_parameters=dict(PARAMETERS), tags=("sample",))
        ],
        provenance=provenance_of(request, services, actor_of(ValidatedJWTUser(viewer.user_id))),
    )
    if isinstance(answer, JobledgerError):
        raise answer
    return RedirectResponse(f"{JOBS}/{answer.view.job.id}", 303)
