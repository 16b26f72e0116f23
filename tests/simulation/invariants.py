"""What must hold after every step, whatever happened in it."""

from collections.abc import Sequence

from adapters.in_memory.state import InMemoryState
from domain import isolation
from domain.attempts import Attempt, Completed, Failed
from domain.events import (
    ActorKind,
    AttemptFailed,
    AttemptReleased,
    AttemptStarted,
    JobCancelled,
    JobCompleted,
    JobFailed,
    JobRetried,
    LateResultRejected,
    ProgressReported,
    RecordedEvent,
)
from domain.identifiers import JobId
from domain.lifecycle import is_legal
from domain.use_cases.settle import Finished
from domain.views import JobView, project

OUTCOMES = JobCompleted | JobFailed | JobCancelled
OF_THE_LIVE_ATTEMPT = ProgressReported | JobCompleted | AttemptFailed | AttemptReleased


class Violation(AssertionError):
    """A promise that was broken, and for which job."""

    def __init__(self, job_id: JobId, promise: str) -> None:
        super().__init__(f"{promise} (job {job_id})")
        self.job_id = job_id


def check_company(attempts: Sequence[Attempt], *, is_ward: bool, most: int) -> None:
    """Of attempts that one process took together: isolated jobs share a ward with few like them.

    At their last chance with none, so that no job fails for what another did.
    """
    for attempt in attempts:
        job = attempt.view.job
        chances = isolation.chances_left(job)
        if not job.lost_attempts:
            continue
        if not is_ward:
            raise Violation(job.id, "a job of which an attempt was lost runs in a ward")
        if len(attempts) > isolation.company(chances, most=most) or (chances == 0 and len(attempts) > 1):
            raise Violation(job.id, "an isolated job shares its process with few, the last chance with none")
        if any(isolation.chances_left(other.view.job) < chances for other in attempts):
            raise Violation(job.id, "an isolated job shares its process with none that has fewer chances")


class Watcher:
    """Looks at each event once, as it comes, and at the queue."""

    def __init__(self, state: InMemoryState) -> None:
        self._state = state
        self._seen = 0
        self._folded: dict[JobId, JobView] = {}
        self._outcomes: dict[JobId, int] = {}

    def check(self) -> None:
        for stored in self._state.events[self._seen :]:
            self._check_event(stored.recorded)
        self._seen = len(self._state.events)
        for job_id, view in self._state.views.items():
            if self._folded.get(job_id) != view:
                raise Violation(job_id, "the read model is the fold of the events")
            self._check_place(view)

    def _check_event(self, recorded: RecordedEvent) -> None:
        job_id, event = recorded.job_id, recorded.event
        before = self._folded.get(job_id)
        if recorded.version != (before.job.version + 1 if before else 1):
            raise Violation(job_id, "versions are dense")
        if not is_legal(before.job.status if before else None, event):
            raise Violation(job_id, f"{type(event).__name__} is legal in this state")
        if before and recorded.recorded_at < before.updated_at:
            raise Violation(job_id, "time does not go back within a stream")
        if before and isinstance(event, OF_THE_LIVE_ATTEMPT):
            self._check_author(before, recorded)
        if isinstance(event, AttemptStarted) and before and event.attempt != before.job.attempt + 1:
            raise Violation(job_id, "attempts are numbered on")
        if isinstance(event, LateResultRejected) and before:
            self._check_lateness(before, event, recorded)
        if isinstance(event, JobRetried):
            self._outcomes[job_id] = 0
        if isinstance(event, OUTCOMES):
            self._outcomes[job_id] = self._outcomes.get(job_id, 0) + 1
            if self._outcomes[job_id] > 1:
                raise Violation(job_id, "there is one outcome between two retries")
        self._folded[job_id] = project(before, recorded)

    def _check_author(self, before: JobView, recorded: RecordedEvent) -> None:
        lease = before.job.lease
        actor = recorded.provenance.actor
        if actor.kind is ActorKind.WORKER and (lease is None or lease.worker_id != actor.id):
            raise Violation(recorded.job_id, "only the worker of the live attempt says how it goes")

    def _check_lateness(self, before: JobView, event: LateResultRejected, recorded: RecordedEvent) -> None:
        """It names an attempt that was given up, and changes nothing but the version."""
        last = before.job.attempt - (1 if before.job.lease else 0)
        if not 1 <= event.attempt <= last:
            raise Violation(recorded.job_id, "a late result is that of an attempt that was given up")
        after = project(before, recorded)
        unchanged = after.job._replace(version=before.job.version)
        if after._replace(job=unchanged, updated_at=before.updated_at) != before:
            raise Violation(recorded.job_id, "a late result changes nothing")

    def _check_place(self, view: JobView) -> None:
        """A job that has not ended is somewhere from where it will be taken up."""
        if view.job.has_ended:
            return
        state, job = self._state, view.job
        if job.lease:
            if job.lease.msg_id not in state.queue:
                raise Violation(job.id, "a running job's message exists")
        elif not any(entry.job_id == job.id for entry in state.outbox.values()) and not any(
            job.id in message.body for message in state.queue.values()
        ):
            raise Violation(job.id, "a waiting job is in the outbox or the queue")

    def check_reported(self, finished: Finished) -> None:
        """What an attempt reported and was told is written stands in the history, late or not."""
        if not isinstance(finished.outcome, Completed | Failed):
            return
        job_id = finished.attempt.job_id
        for recorded in self._state.stream(job_id):
            if recorded.provenance.command_id == finished.command_id:
                return
        raise Violation(job_id, "whatever an attempt reports is recorded")

    def check_effects(self) -> None:
        """What handlers did in their transactions happened exactly as often as its job says."""
        for job_id, view in self._folded.items():
            done = sum(effect == job_id for effect in self._state.effects)
            expected = int(view.result == "transacted")
            if done != expected:
                raise Violation(job_id, f"its effect happened {expected} times, not {done}")
