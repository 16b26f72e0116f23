"""The service with one of its guards taken out, for as long as a test runs: each must be found."""

from collections.abc import Callable
from typing import Any

import pytest

from adapters.in_memory.event_store import InMemoryEventStore
from adapters.in_memory.job_queue import InMemoryJobQueue
from domain import decisions, isolation, lifecycle, views
from domain.events import LateResultRejected
from domain.job import Job, Lease
from domain.ports.event_store import Appended
from domain.use_cases import claim, settle
from domain.views import JobView
from tests.simulation import invariants

Mutation = Callable[[pytest.MonkeyPatch], None]


def without_the_version_check(patch: pytest.MonkeyPatch) -> None:
    def append(self: Any, change: Any) -> Any:
        return Appended(change, self._commit(change, self._state.next_id()).updated_at)

    patch.setattr(InMemoryEventStore, "_append", append)


def without_the_fence(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(decisions, "owns", lambda _job, **_of: True)


def with_zombies_that_settle_while_somebody_runs(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(decisions, "owns", lambda job, **_of: job.lease is not None)


def with_a_fence_that_knows_workers_only(patch: pytest.MonkeyPatch) -> None:
    def owns(job: Job, *, attempt: int, lease: Lease) -> bool:
        return job.lease is not None and job.lease.worker_id == lease.worker_id

    patch.setattr(decisions, "owns", owns)


def with_late_results_that_count_once_the_job_has_ended(patch: pytest.MonkeyPatch) -> None:
    """By the fence, and by the lifecycle, which would refuse them still."""
    fence = decisions.owns
    patch.setattr(decisions, "owns", lambda job, **of: job.has_ended or fence(job, **of))
    find = lifecycle.find_move

    def find_move(status: Any, act: Any, guard: Any = lifecycle.Guard.ALWAYS) -> Any:
        running = lifecycle.Status.PROCESSING
        return find(
            running if status in lifecycle.ENDED and act is lifecycle.Act.COMPLETE else status, act, guard
        )

    patch.setattr(decisions, "find_move", find_move)


def with_late_results_on_ended_jobs_forgotten(patch: pytest.MonkeyPatch) -> None:
    decide = settle._decide

    def forgetful(item: Any, *rest: Any) -> Any:
        event = decide(item, *rest)
        forgets = isinstance(event, LateResultRejected) and item.attempt.view.job.has_ended
        return None if forgets else event

    patch.setattr(settle, "_decide", forgetful)


def with_the_message_deleted_before_the_commit(patch: pytest.MonkeyPatch) -> None:
    commit = InMemoryEventStore._append

    def append(self: Any, change: Any) -> Any:
        if change.settles is not None:
            self._state.queue.pop(change.settles, None)
        return commit(self, change)

    patch.setattr(InMemoryEventStore, "_append", append)


def with_late_results_that_end_the_job_anew(patch: pytest.MonkeyPatch) -> None:
    real = views.project

    def project(before: JobView | None, recorded: Any) -> JobView:
        after = real(before, recorded)
        is_late = isinstance(recorded.event, LateResultRejected) and after.finished_at
        return after._replace(finished_at=recorded.recorded_at, progress=None) if is_late else after

    patch.setattr("adapters.in_memory.event_store.project", project)
    patch.setattr(invariants, "project", project)


def with_late_results_under_their_successors_number(patch: pytest.MonkeyPatch) -> None:
    real = decisions.reject_late_result

    def reject(job: Job, *, attempt: int, outcome: Any) -> LateResultRejected:
        return real(job, attempt=job.attempt, outcome=outcome)

    patch.setattr(decisions, "reject_late_result", reject)


def without_the_redelivery_guard(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(claim, "is_lapsed", lambda _view, _delivery: False)


def with_zombies_that_keep_their_successors_lease(patch: pytest.MonkeyPatch) -> None:
    async def receive(self: Any, **asked: Any) -> Any:
        deliveries = await original(self, **asked)
        for delivery in deliveries:
            self._state.queue[delivery.msg_id].read_ct = 1
        return [delivery._replace(read_ct=1) for delivery in deliveries]

    original = InMemoryJobQueue.receive
    patch.setattr(InMemoryJobQueue, "receive", receive)


def without_isolation(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(isolation, "must_be_isolated", lambda _job: False)


def with_company_at_the_last_chance(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(isolation, "company", lambda _chances, *, most: most)


EXHAUSTIVE: list[Mutation] = [
    without_the_fence,
    with_zombies_that_settle_while_somebody_runs,
    with_a_fence_that_knows_workers_only,
    with_late_results_that_count_once_the_job_has_ended,
    with_late_results_on_ended_jobs_forgotten,
    without_the_redelivery_guard,
]
"""Guards of decisions, which is what the search over all states asks."""

SIMULATED: list[Mutation] = [
    without_the_fence,
    with_zombies_that_settle_while_somebody_runs,
    with_late_results_that_count_once_the_job_has_ended,
    with_late_results_on_ended_jobs_forgotten,
    without_the_redelivery_guard,
    without_the_version_check,
    with_the_message_deleted_before_the_commit,
    with_late_results_that_end_the_job_anew,
    with_late_results_under_their_successors_number,
    with_zombies_that_keep_their_successors_lease,
    without_isolation,
    with_company_at_the_last_chance,
]
"""Guards of decisions and of storage. A simulated worker has one attempt at a job at a time, so the fence
that knows workers only is left to the search."""
