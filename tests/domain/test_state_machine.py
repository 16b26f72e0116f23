"""Any order of acts, by anybody, on any number of jobs, keeps every promise."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from datetime import timedelta
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from domain import decisions
from domain.attempts import Attempt, Completed, Failed, Outcome, Released, Stopped, StopReason
from domain.errors import IllegalTransition
from domain.events import Cause, JobCancelled, JobCompleted, JobError, JobEvent, JobFailed, JobRetried
from domain.identifiers import JobId
from domain.lifecycle import RUNNING
from domain.ports.event_store import Change
from domain.use_cases.cancel import cancel_job
from domain.use_cases.keep_lease import keep_leases
from domain.use_cases.retry import retry_job
from domain.views import fold
from tests.builders import provenance
from tests.domain.test_use_cases import LEASE_SECONDS, World
from tests.fakes.ports import in_memory_ports

T = TypeVar("T")

outcomes = st.one_of(
    st.builds(Completed, result=st.integers() | st.text(max_size=5)),
    st.builds(
        Failed,
        cause=st.sampled_from([Cause.FAILED, Cause.TIMED_OUT]),
        error=st.builds(JobError, type=st.just("E"), message=st.just("m"), retryable=st.booleans()),
    ),
    st.just(Released()),
)


class Lifecycle(RuleBasedStateMachine):
    jobs: Bundle[JobId] = Bundle("jobs")
    attempts: Bundle[Attempt] = Bundle("attempts")

    @initialize()
    def begin(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.world = World(in_memory_ports())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    @rule(target=jobs, ahead=st.sampled_from([None, 60]), attempts=st.integers(1, 3))
    def submit(self, ahead: int | None, attempts: int) -> JobId:
        run_at = self.world.ports.clock.now() + timedelta(seconds=ahead) if ahead else None
        return self.run(self.world.submit(run_at=run_at, max_attempts=attempts))

    @rule(target=attempts, worker=st.sampled_from(["a", "b"]))
    def work(self, worker: str) -> Any:
        return multiple(*self.run(self.world.claim(worker, limit=2)))

    @rule(attempt=consumes(attempts), outcome=outcomes)
    def settle(self, attempt: Attempt, outcome: Outcome) -> None:
        if attempt.stopped_for is StopReason.CANCELLED and isinstance(outcome, Released):
            outcome = Stopped()
        self.run(self.world.settle(attempt, outcome))

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

    @rule(job_id=jobs, requeue=st.booleans())
    def orphan(self, job_id: JobId, requeue: bool) -> None:
        state = self.world.ports.state
        queued = {entry.job_id for entry in state.outbox.values()}
        if job_id not in queued and not any(job_id in message.body for message in state.queue.values()):
            self._decide(job_id, lambda job: decisions.orphan(job, requeue=requeue))

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
            folded = fold(stream)
            assert folded is not None
            if not any(recorded.is_erased for recorded in stream):
                assert folded == view
            assert folded.job == view.job

    @invariant()
    def versions_are_dense_and_times_do_not_go_back(self) -> None:
        state = self.world.ports.state
        for job_id in state.views:
            stream = state.stream(job_id)
            assert [recorded.version for recorded in stream] == list(range(1, len(stream) + 1))
            times = [recorded.recorded_at for recorded in stream]
            assert times == sorted(times)

    @invariant()
    def between_two_retries_there_is_at_most_one_outcome(self) -> None:
        state = self.world.ports.state
        for job_id, view in state.views.items():
            ended = False
            for recorded in state.stream(job_id):
                if isinstance(recorded.event, JobRetried):
                    ended = False
                elif isinstance(recorded.event, JobCompleted | JobFailed | JobCancelled):
                    assert not ended
                    ended = True
            assert ended == view.job.has_ended

    @invariant()
    def a_lease_is_held_exactly_while_the_job_runs(self) -> None:
        for view in self.world.ports.state.views.values():
            assert (view.job.lease is not None) == (view.job.status in RUNNING)
            assert (view.job.due_at is not None) == view.job.is_waiting

    @invariant()
    def a_live_job_is_in_outbox_or_queue(self) -> None:
        state = self.world.ports.state
        queued = {entry.job_id for entry in state.outbox.values()}
        for job_id, view in state.views.items():
            in_queue = any(job_id in message.body for message in state.queue.values())
            assert view.job.has_ended or job_id in queued or in_queue

    def teardown(self) -> None:
        if hasattr(self, "loop"):
            self.loop.close()


TestLifecycle = Lifecycle.TestCase
TestLifecycle.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
