"""Submitting many jobs in one request."""

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from domain.errors import BatchRefused, InvalidSubmission, JobledgerError, NotPermitted
from domain.use_cases.submit import Accepted, Answer, Existing, Submission, submit_jobs
from entrypoints.api.answers import JobOut, ProblemOut, job_out, json_response
from entrypoints.api.auth import CurrentUser, Role, Roles, actor_of
from entrypoints.api.problem_answers import describe
from entrypoints.api.requests import Work, answers, provenance_of
from entrypoints.api.schemas import BatchJob, SubmitBatch
from entrypoints.api.submissions import KeyHeader, in_time, parse_idempotency_key, submission_of

router = APIRouter(prefix="/jobs", tags=["jobs"])


class BatchResult(BaseModel):
    """What a POST of this job alone would have answered: its status, and a job or a problem."""

    index: int
    status: int
    is_replay: bool
    job: JobOut | None
    problem: ProblemOut | None


class BatchOut(BaseModel):
    """A result for each job, in the order of the request."""

    accepted: int
    refused: int
    results: list[BatchResult]


@router.post(
    "/batch",
    operation_id="submit_jobs",
    responses=answers(400, 401, 403, 409, 413, 422, 503, ok=BatchOut),
)
async def submit_batch(
    asked: SubmitBatch,
    request: Request,
    services: Work,
    user: CurrentUser,
    roles: Roles,
    idempotency_key: KeyHeader = None,
) -> Response:
    """Submit up to 1,000 jobs; each gets its own answer, and those that say 202 are durable.

    With `all_or_nothing` every job is accepted, or the whole batch is refused and `errors` point to why.
    `Idempotency-Key` gives the jobs that have no key of their own the key `<key>/<index>`.
    """
    drafts = _drafts(asked, parse_idempotency_key(idempotency_key), roles)
    submissions = [draft for draft in drafts if isinstance(draft, Submission)]
    if asked.all_or_nothing:
        _refuse_unless_all_fit(drafts)
    submitting = submit_jobs(
        services.store,
        services.types,
        services.parser,
        services.hints,
        services.clock,
        services.ids,
        user_id=user.user_id,
        submissions=submissions,
        provenance=provenance_of(request, services, actor_of(user)),
        all_or_nothing=asked.all_or_nothing,
    )
    is_keyed = any(submission.idempotency_key for submission in submissions)
    seconds = request.app.state.settings.idempotency_wait_seconds
    found = iter(await (in_time(submitting, seconds) if is_keyed else submitting))
    results = [
        _result(request, index, next(found) if isinstance(draft, Submission) else draft)
        for index, draft in enumerate(drafts)
    ]
    accepted = sum(result["job"] is not None for result in results)
    return json_response({"accepted": accepted, "refused": len(results) - accepted, "results": results})


def _drafts(asked: SubmitBatch, key: str | None, roles: frozenset[Role]) -> list[Submission | JobledgerError]:
    drafts: list[Submission | JobledgerError] = []
    # Where a job could not be read, its place holds what is wrong with it.
    jobs: list[BatchJob | InvalidSubmission] = list(asked.jobs)
    for index, job in enumerate(jobs):
        if isinstance(job, InvalidSubmission):
            drafts.append(job)
            continue
        own = job.idempotency_key or (key and f"{key}/{index}")
        try:
            drafts.append(submission_of(job, own, roles))
        except NotPermitted as refusal:
            drafts.append(refusal)
    return drafts


def _refuse_unless_all_fit(drafts: list[Submission | JobledgerError]) -> None:
    refusals = {index: draft for index, draft in enumerate(drafts) if isinstance(draft, JobledgerError)}
    if refusals:
        raise BatchRefused(refusals)


def _result(request: Request, index: int, answer: Answer) -> dict[str, Any]:
    if isinstance(answer, JobledgerError):
        told = describe(request, answer)
        return {"index": index, "status": told["status"], "is_replay": False, "job": None, "problem": told}
    return {
        "index": index,
        "status": 200 if isinstance(answer, Existing) else 202,
        "is_replay": isinstance(answer, Accepted) and answer.is_replay,
        "job": job_out(answer.view),
        "problem": None,
    }
