"""What follows when somebody acts on a job: values in, one event out; no clock, no I/O.

Each function looks its move up in the lifecycle table and raises IllegalTransition where there is none.
"""

import json
from dataclasses import asdict
from datetime import datetime, timedelta
from hashlib import sha256

from domain.attempts import Completed, Failed
from domain.errors import IllegalTransition
from domain.events import (
    AttemptDispatched,
    AttemptFailed,
    AttemptLost,
    AttemptReleased,
    AttemptStarted,
    CancellationRequested,
    Cause,
    JobCancelled,
    JobCompleted,
    JobError,
    JobFailed,
    JobRequeued,
    JobRetried,
    JobSubmitted,
    LateResultRejected,
    PersonalDataErased,
    Progress,
    ProgressReported,
)
from domain.identifiers import Json, UserId
from domain.job import Job, Lease
from domain.lifecycle import Act, Guard, Status, find_move
from domain.retries import MAX_DELAY_SECONDS, RetryPolicy, next_try_at

MAX_PRIORITY = 9


def submit(
    *,
    user_id: UserId,
    job_type: str,
    policy: RetryPolicy,
    at: datetime,
    job_parameters: Json = None,
    priority: int = 0,
    run_at: datetime | None = None,
    max_attempts: int | None = None,
    timeout_seconds: int | None = None,
    tags: tuple[str, ...] = (),
    on_behalf_of: str | None = None,
    unique_key: str | None = None,
    idempotency_key: str | None = None,
    fingerprint: str | None = None,
    group_key: str | None = None,
) -> JobSubmitted:
    """A new job; a `run_at` that is not ahead of `at` means now, and is not recorded."""
    later = run_at if run_at and run_at > at else None
    find_move(None, Act.SUBMIT, Guard.DUE_LATER if later else Guard.DUE_NOW)
    return JobSubmitted(
        user_id=user_id,
        job_type=job_type,
        priority=priority,
        run_at=later,
        max_attempts=max_attempts or policy.max_attempts,
        max_lost_attempts=policy.max_lost_attempts,
        timeout_seconds=timeout_seconds,
        job_parameters=job_parameters,
        tags=tags,
        on_behalf_of=on_behalf_of,
        unique_key=unique_key,
        idempotency_key=idempotency_key,
        fingerprint=fingerprint,
        group_key=group_key,
    )


def dispatch(job: Job, *, compute: str, call_id: str) -> AttemptDispatched:
    find_move(job.status, Act.DISPATCH)
    return AttemptDispatched(compute=compute, call_id=call_id)


def start(job: Job, *, lease: Lease, compute: str) -> AttemptStarted:
    """Claim a waiting job for the worker that holds `lease`."""
    find_move(job.status, Act.START)
    return AttemptStarted(
        attempt=job.attempt + 1,
        worker_id=lease.worker_id,
        msg_id=lease.msg_id,
        read_ct=lease.read_ct,
        compute=compute,
    )


def owns(job: Job, *, attempt: int, lease: Lease) -> bool:
    """The fence: whether this attempt, under this lease, is the job's live one."""
    return job.lease == lease and job.attempt == attempt


def report_progress(job: Job, *, progress: Progress) -> ProgressReported:
    find_move(job.status, Act.REPORT_PROGRESS)
    return ProgressReported(attempt=job.attempt, percent=progress.percent, message=progress.message)


def complete(job: Job, *, result: Json = None, data_references: tuple[str, ...] = ()) -> JobCompleted:
    """The live attempt is done; a job that was asked to stop may still complete."""
    find_move(job.status, Act.COMPLETE)
    return JobCompleted(attempt=job.attempt, result=result, data_references=data_references)


def fail(
    job: Job,
    *,
    error: JobError,
    cause: Cause,
    policy: RetryPolicy,
    chance: float,
    at: datetime,
    retry_after_seconds: float = 0.0,
) -> AttemptFailed | JobFailed | JobCancelled:
    """The live attempt failed or timed out; another follows while the budget lasts.

    Not before the policy's wait is over, and not before `retry_after_seconds`.
    """
    if job.status is Status.CANCELLING:
        return _cancelled(job, Act.FAIL)
    spent = job.failed_attempts + 1
    if error.retryable and spent < job.max_attempts:
        find_move(job.status, Act.FAIL, Guard.BUDGET_LEFT)
        wait = min(max(retry_after_seconds, 0.0), MAX_DELAY_SECONDS)
        by_policy = next_try_at(policy, spent=spent, chance=chance, at=at)
        retry_at = max(by_policy, at + timedelta(seconds=wait))
        return AttemptFailed(attempt=job.attempt, cause=cause, error=error, retry_at=retry_at)
    find_move(job.status, Act.FAIL, Guard.BUDGET_SPENT)
    return JobFailed(attempt=job.attempt, cause=cause, error=error)


def lose(
    job: Job, *, cause: Cause, policy: RetryPolicy, chance: float, at: datetime
) -> AttemptLost | JobFailed | JobCancelled:
    """The live attempt ended without a word; another follows while the budget for that lasts."""
    if job.status is Status.CANCELLING:
        return _cancelled(job, Act.LOSE)
    spent = job.lost_attempts + 1
    if spent <= job.max_lost_attempts:
        find_move(job.status, Act.LOSE, Guard.BUDGET_LEFT)
        retry_at = next_try_at(policy, spent=spent, chance=chance, at=at)
        return AttemptLost(attempt=job.attempt, cause=cause, retry_at=retry_at)
    find_move(job.status, Act.LOSE, Guard.BUDGET_SPENT)
    return JobFailed(attempt=job.attempt, cause=cause, error=None)


def end_stuck(job: Job) -> JobFailed | JobCancelled:
    """The live attempt has been silent for so long that the job is given up."""
    if job.status is Status.CANCELLING:
        return _cancelled(job, Act.LOSE)
    find_move(job.status, Act.LOSE, Guard.BUDGET_SPENT)
    return JobFailed(attempt=job.attempt, cause=Cause.STUCK)


def release(job: Job, *, cause: Cause) -> AttemptReleased | JobCancelled:
    """The worker gives the live attempt back, as at a deploy: no budget is spent."""
    if job.status is Status.CANCELLING:
        return _cancelled(job, Act.RELEASE)
    find_move(job.status, Act.RELEASE)
    return AttemptReleased(attempt=job.attempt, cause=cause)


def confirm_cancellation(job: Job) -> JobCancelled:
    """The live attempt stopped because it was asked to."""
    return _cancelled(job, Act.CONFIRM_CANCELLATION)


def _cancelled(job: Job, act: Act) -> JobCancelled:
    # Who asked, and why, stands in the CancellationRequested before it.
    find_move(job.status, act)
    return JobCancelled(attempt=job.attempt)


def orphan(job: Job, *, requeue: bool) -> JobFailed | JobRequeued:
    """A waiting job is in no queue any more; it goes back to one within its lost-attempt budget, or fails."""
    if requeue and job.lost_attempts < job.max_lost_attempts:
        find_move(job.status, Act.ORPHAN, Guard.BUDGET_LEFT)
        return JobRequeued(cause=Cause.ORPHANED)
    find_move(job.status, Act.ORPHAN, Guard.BUDGET_SPENT)
    return JobFailed(attempt=job.attempt, cause=Cause.ORPHANED)


def cancel(
    job: Job, *, reason: str | None, on_behalf_of: str | None = None
) -> JobCancelled | CancellationRequested:
    """Cancel a job that has not ended; a running one is asked to stop."""
    move = find_move(job.status, Act.CANCEL)
    if move.event is CancellationRequested:
        return CancellationRequested(reason=reason, on_behalf_of=on_behalf_of)
    return JobCancelled(attempt=0, reason=reason, on_behalf_of=on_behalf_of)


def retry(job: Job, *, reason: str | None, on_behalf_of: str | None = None) -> JobRetried:
    """Try a failed or cancelled job again, with fresh budgets; nothing of its history is overwritten."""
    find_move(job.status, Act.RETRY)
    return JobRetried(reason=reason, on_behalf_of=on_behalf_of)


def reject_late_result(job: Job, *, attempt: int, outcome: Completed | Failed) -> LateResultRejected:
    """An attempt that was given up reports after all: that it did is recorded, what it did is not applied."""
    find_move(job.status, Act.REJECT_LATE_RESULT)
    told = json.dumps(asdict(outcome), sort_keys=True, separators=(",", ":"), default=str)
    digest = sha256(told.encode()).hexdigest()
    return LateResultRejected(attempt=attempt, outcome=type(outcome).__name__, digest=digest)


def erase(job: Job, *, basis: str) -> PersonalDataErased:
    """Forget the personal data of an ended job."""
    if not job.has_ended:
        raise IllegalTransition(act=Act.ERASE.value, status=job.status.value)
    find_move(job.status, Act.ERASE)
    return PersonalDataErased(through_version=job.version, basis=basis)
