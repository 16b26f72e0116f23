"""Any order of acts, by anybody, on any number of jobs, keeps every promise."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from domain import decisions
from domain.attempts import Attempt, Completed, Failed, Outcome, Released, Stopped, StopReason
from domain.errors import IllegalTransition
from domain.events import (
    EVENT_TYPES,
    AttemptFailed,
    AttemptLost,
    AttemptReleased,
    AttemptStarted,
    Cause,
    JobCancelled,
    JobCompleted,
    JobError,
    JobEvent,
    JobFailed,
    JobRetried,
    Progress,
    ProgressReported,
    RecordedEvent,
)
from domain.identifiers import JobId
from domain.job import Job, apply
from domain.job_types import JobTypes
from domain.lifecycle import RUNNING, is_legal
from domain.ports.event_store import Change
from domain.retries import RetryPolicy, WhenLost
from domain.sample_task import sample_task
from domain.use_cases.cancel import cancel_job
from domain.use_cases.keep_lease import keep_leases
from domain.use_cases.recover import recover_orphaned_jobs
from domain.use_cases.report_progress import report_progress
from domain.use_cases.retry import retry_job
from domain.views import fold
from tests.builders import provenance
from tests.domain.test_use_cases import LEASE_SECONDS, World
from tests.fakes.ports import in_memory_ports

T = TypeVar("T")

SILENT_FOR_SECONDS = 900
REPEATABLE = settings(max_examples=150, stateful_step_count=50, deadline=None, derandomize=True)

errors = st.builds(JobError, type=st.just("E"), message=st.just("m"), retryable=st.booleans())


class Lifecycle(RuleBasedStateMachine):
    """`reached` are the events that any run came to: what never happened was not tested."""

    reached: ClassVar[set[type[JobEvent]]] = set()
    jobs: Bundle[JobId] = Bundle("jobs")
    attempts: Bundle[Attempt] = Bundle("attempts")

    @initialize()
    def begin(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.world = World(in_memory_ports())
        self.robbed: set[JobId] = set()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    @rule(target=jobs, ahead=st.sampled_from([None, 60]), attempts=st.integers(1, 5))
    def submit(self, ahead: int | None, attempts: int) -> JobId:
        run_at = self.world.ports.clock.now() + timedelta(seconds=ahead) if ahead else None
        return self.run(self.world.submit(run_at=run_at, max_attempts=attempts))

    @rule(target=attempts, worker=st.sampled_from(["a", "b"]))
    def work(self, worker: str) -> Any:
        return multiple(*self.run(self.world.claim(worker, limit=2)))

    @rule(attempt=consumes(attempts), result=st.integers() | st.text(max_size=5))
    def complete(self, attempt: Attempt, result: int | str) -> None:
        self._settle(attempt, Completed(result=result))

    @rule(attempt=consumes(attempts), cause=st.sampled_from([Cause.FAILED, Cause.TIMED_OUT]), error=errors)
    def fail(self, attempt: Attempt, cause: Cause, error: JobError) -> None:
        self._settle(attempt, Failed(cause=cause, error=error))

    @rule(attempt=consumes(attempts))
    def release_or_stop(self, attempt: Attempt) -> None:
        was_cancelled = attempt.stopped_for is StopReason.CANCELLED
        self._settle(attempt, Stopped() if was_cancelled else Released())

    @rule(target=attempts, attempt=consumes(attempts), cancelled=st.booleans(), started_again=st.booleans())
    def complete_after_the_lease_lapsed(self, attempt: Attempt, cancelled: bool, started_again: bool) -> Any:
        if cancelled:
            self.cancel(attempt.job_id)
        self.time_passes(LEASE_SECONDS + 1)
        self.run(self.world.claim("who finds it"))
        self.time_passes(10)
        successors = self.run(self.world.claim("who runs it")) if started_again else []
        self._settle(attempt, Completed(result="late"))
        return multiple(*successors)

    def _settle(self, attempt: Attempt, outcome: Outcome) -> None:
        views = self.world.ports.state.views
        before = views[attempt.job_id].job
        self.run(self.world.settle(attempt, outcome))
        after = views[attempt.job_id].job
        if before.lease == attempt.lease:
            assert after.lease is None
        else:
            assert after._replace(version=before.version) == before, "a zombie changes nothing"

    @rule(attempt=attempts)
    def heartbeat(self, attempt: Attempt) -> None:
        self.run(keep_leases(self.world.ports.queue, attempts=[attempt], lease_seconds=LEASE_SECONDS))

    @rule(seconds=st.sampled_from([1, 20, LEASE_SECONDS + 1, 4000]))
    def time_passes(self, seconds: int) -> None:
        self.world.ports.clock.advance(seconds)

    @rule(job_id=jobs)
    def cancel(self, job_id: JobId) -> None:
        self._act(cancel_job, job_id)

    @rule(job_id=jobs)
    def retry(self, job_id: JobId) -> None:
        self._act(retry_job, job_id)

    def _act(self, act: Any, job_id: JobId) -> None:
        ports = self.world.ports
        with suppress(IllegalTransition):
            self.run(act(ports.store, ports.hints, job_id=job_id, provenance=provenance(), reason="r"))

    @rule(job_id=jobs)
    def dispatch(self, job_id: JobId) -> None:
        self._decide(job_id, lambda job: decisions.dispatch(job, compute="modal", call_id="fc-1"))

    @rule(job_id=jobs)
    def everything_queued_of_a_job_vanishes(self, job_id: JobId) -> None:
        state = self.world.ports.state
        for entry_id in [key for key, entry in state.outbox.items() if entry.job_id == job_id]:
            del state.outbox[entry_id]
        for msg_id in [key for key, message in state.queue.items() if job_id in message.body]:
            del state.queue[msg_id]
        self.robbed.add(job_id)

    @rule(when_lost=st.sampled_from(WhenLost))
    def sweep(self, when_lost: WhenLost) -> None:
        self.world.types = JobTypes([replace(sample_task, retry=RetryPolicy(when_lost=when_lost))])
        ports = self.world.ports
        swept = self.run(
            recover_orphaned_jobs(
                ports.recovery, ports.store, ports.audit, ports.hints, self.world.types, ports.clock,
                self.world.chance, provenance=provenance(), silent_for_seconds=SILENT_FOR_SECONDS,
            )
        )  # fmt: skip
        assert swept.skipped == []
        self.robbed -= {finding.job_id for finding in swept.acted}

    @rule(attempt=attempts, percent=st.integers(0, 100))
    def progress(self, attempt: Attempt, percent: int) -> None:
        ports = self.world.ports
        attempt.progress = Progress(percent=percent)
        worker_id = attempt.lease.worker_id
        self.run(
            report_progress(ports.store, ports.views, self.world.ids, worker_id=worker_id, attempts=[attempt])
        )

    @rule(job_id=jobs)
    def erase(self, job_id: JobId) -> None:
        self._decide(job_id, lambda job: decisions.erase(job, basis="asked to"))

    def _decide(self, job_id: JobId, decide: Any) -> None:
        ports = self.world.ports
        before = ports.state.views[job_id]
        try:
            event: JobEvent = decide(before.job)
        except IllegalTransition:
            return
        change = Change(job_id=job_id, before=before, event=event, provenance=provenance())
        self.run(ports.store.append([change]))

    @invariant()
    def the_read_model_is_the_fold_of_the_events(self) -> None:
        state = self.world.ports.state
        for job_id, view in state.views.items():
            stream = state.stream(job_id)
            assert fold(stream) == view

    @invariant()
    def versions_are_dense_and_times_do_not_go_back(self) -> None:
        state = self.world.ports.state
        for job_id in state.views:
            stream = state.stream(job_id)
            assert [recorded.version for recorded in stream] == list(range(1, len(stream) + 1))
            times = [recorded.recorded_at for recorded in stream]
            assert times == sorted(times)

    @invariant()
    def between_two_retries_there_is_exactly_one_outcome(self) -> None:
        state = self.world.ports.state
        for job_id, view in state.views.items():
            outcome: RecordedEvent | None = None
            for recorded in state.stream(job_id):
                if isinstance(recorded.event, JobRetried):
                    assert outcome is not None
                    assert not isinstance(outcome.event, JobCompleted)
                    outcome = None
                elif isinstance(recorded.event, JobCompleted | JobFailed | JobCancelled):
                    assert outcome is None
                    outcome = recorded
            assert (outcome is not None) == view.job.has_ended
            assert view.finished_at == (outcome.recorded_at if outcome else None)

    @invariant()
    def at_most_one_attempt_is_live(self) -> None:
        state = self.world.ports.state
        for job_id in state.views:
            live: int | None = None
            last = 0
            for event in (recorded.event for recorded in state.stream(job_id)):
                match event:
                    case AttemptStarted():
                        assert (live, event.attempt) == (None, last + 1)
                        live = last = event.attempt
                    case ProgressReported():
                        assert event.attempt == live
                    case JobCompleted() | AttemptFailed() | AttemptLost() | AttemptReleased():
                        assert event.attempt == live
                        live = None
                    case JobFailed() | JobCancelled():
                        live = None

    @invariant()
    def every_event_was_legal_where_it_stands(self) -> None:
        state = self.world.ports.state
        for job_id in state.views:
            job: Job | None = None
            for recorded in state.stream(job_id):
                assert is_legal(job.status if job else None, recorded.event)
                job = apply(job, recorded)

    @invariant()
    def a_lease_is_held_exactly_while_the_job_runs(self) -> None:
        for view in self.world.ports.state.views.values():
            assert (view.job.lease is not None) == (view.job.status in RUNNING)
            assert (view.job.due_at is not None) == view.job.is_waiting

    @invariant()
    def a_live_job_that_was_not_robbed_is_in_outbox_or_queue(self) -> None:
        state = self.world.ports.state
        queued = {entry.job_id for entry in state.outbox.values()}
        for job_id, view in state.views.items():
            in_queue = any(job_id in message.body for message in state.queue.values())
            assert view.job.has_ended or job_id in queued or in_queue or job_id in self.robbed

    def teardown(self) -> None:
        if hasattr(self, "loop"):
            self.loop.close()
            self.reached.update(type(stored.recorded.event) for stored in self.world.ports.state.events)


def test_any_order_of_acts_by_anybody_keeps_every_promise() -> None:
    run_state_machine_as_test(Lifecycle, settings=REPEATABLE)

    assert Lifecycle.reached == set(EVENT_TYPES.values())
