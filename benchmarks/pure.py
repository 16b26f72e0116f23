"""What needs no database: deciding and folding."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from domain import decisions
from domain.events import Actor, ActorKind, Cause, JobError, JobEvent, Provenance, RecordedEvent
from domain.identifiers import JobId, MessageId, UserId, WorkerId
from domain.job import Job, Lease, apply, replay
from domain.retries import RetryPolicy

NOW = datetime(2026, 1, 1, tzinfo=UTC)
JOB_ID = JobId("01a20000-0000-7000-8000-000000000000")
LEASE = Lease(WorkerId("worker"), MessageId(1), 1)
POLICY = RetryPolicy()
TIMES = 20_000


def history() -> list[RecordedEvent]:
    """Submitted, failed once, completed."""
    submitted = decisions.submit(user_id=UserId("bench"), job_type="sample_task", policy=POLICY, at=NOW)
    events: list[RecordedEvent] = []

    def add(event: JobEvent) -> Job:
        provenance = Provenance(Actor(ActorKind.USER, "bench"), "command")
        at = NOW + timedelta(seconds=len(events))
        events.append(RecordedEvent(JOB_ID, len(events) + 1, event, provenance, at))
        return replay(events)

    job = add(submitted)
    job = add(decisions.start(job, lease=LEASE, compute="local"))
    error = JobError(type="ValueError", message="no")
    job = add(decisions.fail(job, error=error, cause=Cause.FAILED, policy=POLICY, chance=0.5, at=NOW))
    job = add(decisions.start(job, lease=LEASE, compute="local"))
    add(decisions.complete(job, result="done"))
    return events


def folded_a_second() -> float:
    """Events applied a second."""
    events = history()

    def fold() -> None:
        job = None
        for event in events:
            job = apply(job, event)

    return len(events) / _seconds(fold)


def decide_microseconds() -> float:
    """One decision: the mean over starting and completing."""
    events = history()
    waiting, running = replay(events[:3]), replay(events[:4])

    def decide() -> None:
        decisions.start(waiting, lease=LEASE, compute="local")
        decisions.complete(running, result="done")

    return 1e6 * _seconds(decide) / 2


def _seconds(act: Callable[[], None]) -> float:
    begun = time.perf_counter()
    for _ in range(TIMES):
        act()
    return (time.perf_counter() - begun) / TIMES
