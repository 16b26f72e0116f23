"""What follows when somebody acts on a job."""

from datetime import timedelta
from functools import partial

import pytest

from domain import decisions
from domain.attempts import Completed
from domain.errors import IllegalTransition
from domain.events import (
    AttemptFailed,
    AttemptLost,
    AttemptReleased,
    CancellationRequested,
    Cause,
    JobCancelled,
    JobCompleted,
    JobError,
    JobEvent,
    JobFailed,
    JobRequeued,
    JobRetried,
    LateResultRejected,
    PersonalDataErased,
)
from domain.identifiers import UserId
from domain.job import Lease
from domain.retries import RetryPolicy
from tests.builders import NOW
from tests.domain.stories import (
    CANCELLED,
    CANCELLING,
    COMPLETED,
    FAILED,
    LEASE,
    PENDING,
    PROCESSING,
    RETRY_AT,
    given,
    started,
    submitted,
)

POLICY = RetryPolicy(first_delay_seconds=30, jitter=0)
ERROR = JobError(type="ValueError", message="no")
HOPELESS = JobError(type="ValueError", message="no", retryable=False)

fail = partial(decisions.fail, cause=Cause.FAILED, policy=POLICY, chance=0.0, at=NOW)
lose = partial(decisions.lose, cause=Cause.LEASE_LAPSED, policy=POLICY, chance=0.0, at=NOW)
cancel = partial(decisions.cancel, reason="enough")
retry = partial(decisions.retry, reason="again")
start = partial(decisions.start, lease=LEASE, compute="local")


def test_a_submission_without_run_at_is_due_at_once() -> None:
    event = decisions.submit(user_id=UserId("u"), job_type="t", policy=POLICY, at=NOW)

    assert event.run_at is None


def test_a_run_at_in_the_past_means_now() -> None:
    past = NOW - timedelta(seconds=1)
    event = decisions.submit(user_id=UserId("u"), job_type="t", policy=POLICY, at=NOW, run_at=past)

    assert event.run_at is None


def test_the_policy_gives_the_budgets_that_the_client_does_not() -> None:
    policy = RetryPolicy(max_attempts=7, max_lost_attempts=4)
    default = decisions.submit(user_id=UserId("u"), job_type="t", policy=policy, at=NOW)
    chosen = decisions.submit(user_id=UserId("u"), job_type="t", policy=policy, at=NOW, max_attempts=1)

    assert (default.max_attempts, default.max_lost_attempts, chosen.max_attempts) == (7, 4, 1)


def test_a_waiting_job_starts() -> None:
    given(*PENDING).when(start).then(started())


def test_attempts_are_numbered_on_and_never_reused() -> None:
    failed = AttemptFailed(attempt=1, cause=Cause.FAILED, retry_at=RETRY_AT)
    given(*PROCESSING, failed).when(start).then(started(attempt=2))
    given(*FAILED, JobRetried()).when(start).then(started(attempt=2))


@pytest.mark.parametrize("history", [PROCESSING, CANCELLING, COMPLETED, FAILED, CANCELLED])
def test_only_a_waiting_job_starts(history: list[JobEvent]) -> None:
    given(*history).when(start).then_raises(IllegalTransition)


def test_a_failed_attempt_is_tried_again_while_the_budget_lasts() -> None:
    expected = AttemptFailed(attempt=1, cause=Cause.FAILED, error=ERROR, retry_at=RETRY_AT)
    given(*PROCESSING).when(partial(fail, error=ERROR)).then(expected)


@pytest.mark.parametrize(("asked_for", "waits"), [(0, 30), (10, 30), (120, 120), (10**12, 365 * 86_400)])
def test_a_function_may_ask_for_a_longer_wait_than_the_policys(asked_for: float, waits: float) -> None:
    event = fail(given(*PROCESSING).job, error=ERROR, retry_after_seconds=asked_for)

    assert isinstance(event, AttemptFailed)
    assert event.retry_at == NOW + timedelta(seconds=waits)


def test_the_last_failed_attempt_ends_the_job() -> None:
    only_one: list[JobEvent] = [submitted(max_attempts=1), started()]
    given(*only_one).when(partial(fail, error=ERROR)).then(
        JobFailed(attempt=1, cause=Cause.FAILED, error=ERROR)
    )


def test_an_error_that_is_not_retryable_ends_the_job_at_once() -> None:
    given(*PROCESSING).when(partial(fail, error=HOPELESS)).then(
        JobFailed(attempt=1, cause=Cause.FAILED, error=HOPELESS)
    )


def test_lost_attempts_have_a_budget_of_their_own() -> None:
    lost = AttemptLost(attempt=1, cause=Cause.LEASE_LAPSED, retry_at=RETRY_AT)
    given(*PROCESSING).when(lose).then(lost)
    given(*PROCESSING, lost, started(attempt=2)).when(lose).then(
        JobFailed(attempt=2, cause=Cause.LEASE_LAPSED)
    )
    given(*PROCESSING, lost, started(attempt=2)).when(partial(fail, error=ERROR)).then(
        AttemptFailed(attempt=2, cause=Cause.FAILED, error=ERROR, retry_at=RETRY_AT)
    )


def test_a_release_spends_nothing() -> None:
    released = AttemptReleased(attempt=1, cause=Cause.DEPLOYED)
    given(*PROCESSING).when(partial(decisions.release, cause=Cause.DEPLOYED)).then(released)
    once: list[JobEvent] = [
        submitted(max_attempts=1, max_lost_attempts=0),
        started(),
        released,
        started(attempt=2),
    ]
    given(*once).when(partial(decisions.release, cause=Cause.DEPLOYED)).then(
        AttemptReleased(attempt=2, cause=Cause.DEPLOYED)
    )


def test_a_waiting_job_is_cancelled_at_once() -> None:
    given(*PENDING).when(cancel).then(JobCancelled(attempt=0, reason="enough"))


def test_a_running_job_is_asked_to_stop() -> None:
    given(*PROCESSING).when(cancel).then(CancellationRequested(reason="enough"))


@pytest.mark.parametrize("history", [COMPLETED, FAILED, CANCELLED, CANCELLING])
def test_a_job_that_has_ended_or_is_stopping_cannot_be_cancelled(history: list[JobEvent]) -> None:
    given(*history).when(cancel).then_raises(IllegalTransition)


def test_however_a_job_that_was_asked_to_stop_stops_it_is_cancelled() -> None:
    cancelled = JobCancelled(attempt=1)
    given(*CANCELLING).when(partial(fail, error=ERROR)).then(cancelled)
    given(*CANCELLING).when(lose).then(cancelled)
    given(*CANCELLING).when(partial(decisions.release, cause=Cause.DEPLOYED)).then(cancelled)
    given(*CANCELLING).when(decisions.confirm_cancellation).then(cancelled)


def test_a_job_that_was_asked_to_stop_may_still_complete() -> None:
    given(*CANCELLING).when(decisions.complete).then(JobCompleted(attempt=1))


def test_only_failed_and_cancelled_jobs_are_retried_by_hand() -> None:
    given(*FAILED).when(retry).then(JobRetried(reason="again"))
    given(*CANCELLED).when(retry).then(JobRetried(reason="again"))
    given(*COMPLETED).when(retry).then_raises(IllegalTransition)
    given(*PENDING).when(retry).then_raises(IllegalTransition)


def test_a_retry_by_hand_gives_both_budgets_afresh() -> None:
    spent: list[JobEvent] = [
        submitted(max_attempts=1, max_lost_attempts=0),
        started(),
        JobFailed(attempt=1, cause=Cause.FAILED),
    ]
    story = given(*spent, JobRetried(), started(attempt=2))

    assert (story.job.failed_attempts, story.job.lost_attempts) == (0, 0)


def test_an_orphan_fails_or_goes_back_within_its_lost_budget() -> None:
    given(*PENDING).when(partial(decisions.orphan, requeue=False)).then(
        JobFailed(attempt=0, cause=Cause.ORPHANED)
    )
    requeued = JobRequeued(cause=Cause.ORPHANED)
    given(*PENDING).when(partial(decisions.orphan, requeue=True)).then(requeued)
    given(*PENDING, requeued).when(partial(decisions.orphan, requeue=True)).then(
        JobFailed(attempt=0, cause=Cause.ORPHANED)
    )
    given(*PROCESSING).when(partial(decisions.orphan, requeue=True)).then_raises(IllegalTransition)


def test_only_the_live_attempt_under_its_own_lease_owns_the_job() -> None:
    job = given(*PROCESSING).job
    later = Lease(LEASE.worker_id, LEASE.msg_id, 2)

    assert decisions.owns(job, attempt=1, lease=LEASE)
    assert not decisions.owns(job, attempt=1, lease=later)
    assert not decisions.owns(job, attempt=2, lease=LEASE)
    assert not decisions.owns(given(*COMPLETED).job, attempt=1, lease=LEASE)


@pytest.mark.parametrize("history", [PENDING, PROCESSING, CANCELLING, COMPLETED, FAILED, CANCELLED])
def test_a_late_result_is_recorded_in_every_state_and_applied_in_none(history: list[JobEvent]) -> None:
    job = given(*history).job
    late = decisions.reject_late_result(job, attempt=1, outcome=Completed(result="late"))

    assert isinstance(late, LateResultRejected)
    assert (late.outcome, len(late.digest)) == ("Completed", 64)


def test_only_an_ended_job_can_be_erased() -> None:
    erase = partial(decisions.erase, basis="request 17")
    given(*COMPLETED).when(erase).then(PersonalDataErased(through_version=3, basis="request 17"))
    given(*PROCESSING).when(erase).then_raises(IllegalTransition)
