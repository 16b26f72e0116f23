"""Cancelling and retrying many jobs over HTTP: a filter shows what would happen, a list of jobs does it."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from domain import decisions
from domain.errors import FieldProblem, InvalidSubmission, NotPermitted
from domain.events import JobEvent
from domain.identifiers import JobId, UserId
from domain.job import Job
from domain.lifecycle import Act, Status
from domain.ports.job_views import JobFilter
from domain.use_cases.act_on_many import Step, Target, act_on_many, find_targets
from entrypoints.api.answers import ProblemOut, json_response
from entrypoints.api.job_acts import Acting, ActingHere
from entrypoints.api.problem_answers import describe
from entrypoints.api.requests import Work, answers
from entrypoints.api.schemas import ActOnJob, Instant, JobIdText, Key, Name, Request, Tag

MAX_JOBS = 1000
EVERYBODY = "*"

router = APIRouter(tags=["jobs"])


class JobsToFind(Request):
    """The jobs that fit everything that is said here, as in `GET /jobs`."""

    status: list[Annotated[Status, Field(strict=False)]] = Field(default_factory=list, max_length=8)
    job_type: Name | None = None
    tag: Tag | None = None
    created_after: Instant | None = None
    created_before: Instant | None = None
    user_id: Key | None = Field(
        None, description="For operators: whose jobs, or `*` for everybody's. Yours otherwise."
    )


class JobToActOn(Request):
    """A job at the version at which the preview showed it."""

    job_id: JobIdText
    version: int = Field(ge=1, le=2**31 - 1)


EITHER: JsonDict = {
    "oneOf": [
        {
            "required": ["filter"],
            "properties": {
                "filter": {"type": "object"},
                "jobs": {"type": "null"},
                "dry_run": {"const": True},
            },
        },
        {"required": ["jobs"], "properties": {"jobs": {"type": "array"}, "filter": {"type": "null"}}},
    ]
}


class ActOnJobs(ActOnJob):
    """Either `filter`, to see what would happen, or `jobs`, the preview's, to make it happen."""

    model_config = ConfigDict(json_schema_extra=EITHER)

    filter: JobsToFind | None = None
    jobs: list[JobToActOn] | None = Field(None, min_length=1, max_length=MAX_JOBS)
    dry_run: bool = Field(default=True, description="Only show what would happen.")

    @model_validator(mode="after")
    def _is_one_of_both(self) -> "ActOnJobs":
        if (self.filter is None) == (self.jobs is None):
            detail = "Give either `filter` or `jobs`."
            raise InvalidSubmission([FieldProblem(pointer="/filter", detail=detail)])
        if self.filter and not self.dry_run:
            detail = "A filter only shows; send the `jobs` that it shows to act on exactly those."
            raise InvalidSubmission([FieldProblem(pointer="/dry_run", detail=detail)])
        if self.jobs and len({job.job_id for job in self.jobs}) < len(self.jobs):
            raise InvalidSubmission([FieldProblem(pointer="/jobs", detail="A job may stand here only once.")])
        return self


class ActOnJobResult(BaseModel):
    """The event that happened to the job, or would, at `version`; or the problem that keeps it from it."""

    job_id: str
    version: int
    status: Status | None
    event: str | None
    becomes: Status | None
    is_done: bool
    problem: ProblemOut | None


class ActOnJobsOut(BaseModel):
    """`is_complete` says that the filter finds no more jobs than these."""

    dry_run: bool
    is_complete: bool
    done: int
    refused: int
    jobs: list[ActOnJobResult]


ANSWERS = answers(400, 401, 403, 413, 422, 503, ok=ActOnJobsOut)


@router.post("/jobs:cancel", operation_id="cancel_jobs", responses=ANSWERS)
async def cancel_jobs(asked: ActOnJobs, services: Work, acting: ActingHere) -> Response:
    """Cancel up to 1,000 jobs: `filter` shows which and how; `jobs` and `dry_run: false` do exactly that."""

    def decide(job: Job) -> JobEvent:
        return decisions.cancel(job, reason=asked.reason, on_behalf_of=asked.on_behalf_of)

    return await _act(asked, services, acting, Act.CANCEL, decide)


@router.post("/jobs:retry", operation_id="retry_jobs", responses=ANSWERS)
async def retry_jobs(asked: ActOnJobs, services: Work, acting: ActingHere) -> Response:
    """Retry up to 1,000 failed or cancelled jobs, in the same two steps as `POST /jobs:cancel`."""

    def decide(job: Job) -> JobEvent:
        return decisions.retry(job, reason=asked.reason, on_behalf_of=asked.on_behalf_of)

    return await _act(asked, services, acting, Act.RETRY, decide)


async def _act(
    asked: ActOnJobs, services: Work, acting: Acting, act: Act, decide: Callable[[Job], JobEvent]
) -> Response:
    acting.check(asked)
    is_complete = True
    targets = [Target(job_id=JobId(job.job_id), version=job.version) for job in asked.jobs or ()]
    if asked.filter:
        which = _filter_of(asked.filter, acting)
        targets, is_complete = await find_targets(services.views, which=which, act=act, limit=MAX_JOBS)
    steps = await act_on_many(
        services.store,
        services.views,
        services.hints,
        targets=targets,
        decide=decide,
        provenance=acting.provenance,
        owner=acting.owner,
        dry_run=asked.dry_run,
    )
    return json_response(
        {
            "dry_run": asked.dry_run,
            "is_complete": is_complete,
            "done": sum(step.is_done for step in steps),
            "refused": sum(step.refusal is not None for step in steps),
            "jobs": [_step_out(step, acting) for step in steps],
        }
    )


def _filter_of(asked: JobsToFind, acting: Acting) -> JobFilter:
    if asked.user_id is not None and not acting.is_operator:
        raise NotPermitted("Only operators may act on other people's jobs.")
    whose = UserId(asked.user_id or acting.user_id)
    return JobFilter(
        user_id=None if whose == EVERYBODY else whose,
        statuses=frozenset(asked.status),
        job_type=asked.job_type,
        tag=asked.tag,
        created_after=asked.created_after,
        created_before=asked.created_before,
    )


def _step_out(step: Step, acting: Acting) -> dict[str, Any]:
    return {
        "job_id": step.target.job_id,
        "version": step.target.version,
        "status": step.status,
        "event": type(step.event).__name__ if step.event else None,
        "becomes": step.becomes,
        "is_done": step.is_done,
        "problem": describe(acting.request, step.refusal) if step.refusal else None,
    }
