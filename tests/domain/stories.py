"""Given events, when somebody acts, then this follows."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from domain.errors import JobledgerError
from domain.events import (
    AttemptStarted,
    CancellationRequested,
    Cause,
    JobCancelled,
    JobCompleted,
    JobEvent,
    JobFailed,
    JobSubmitted,
    RecordedEvent,
)
from domain.identifiers import JobId, MessageId, UserId, WorkerId
from domain.job import Job, Lease, replay
from tests.builders import NOW, provenance

JOB = JobId("019a0000-0000-7000-8000-000000000001")
WORKER = WorkerId("worker-1")
LEASE = Lease(WORKER, MessageId(7), 1)
RETRY_AT = NOW + timedelta(seconds=30)


def submitted(**changed: Any) -> JobSubmitted:
    defaults: dict[str, Any] = {
        "user_id": UserId("user-1"),
        "job_type": "sample_task",
        "priority": 0,
        "run_at": None,
        "max_attempts": 3,
        "max_lost_attempts": 1,
        "timeout_seconds": None,
    }
    return JobSubmitted(**(defaults | changed))


def started(attempt: int = 1, lease: Lease = LEASE) -> AttemptStarted:
    return AttemptStarted(
        attempt=attempt,
        worker_id=lease.worker_id,
        msg_id=lease.msg_id,
        read_ct=lease.read_ct,
        compute="local",
    )


def recorded(*events: JobEvent) -> list[RecordedEvent]:
    """The events as a stream, a second apart."""
    return [
        RecordedEvent(
            job_id=JOB,
            version=version,
            event=event,
            provenance=provenance(),
            recorded_at=NOW + timedelta(seconds=version),
        )
        for version, event in enumerate(events, start=1)
    ]


PENDING: list[JobEvent] = [submitted()]
PROCESSING: list[JobEvent] = [*PENDING, started()]
CANCELLING: list[JobEvent] = [*PROCESSING, CancellationRequested(reason="enough")]
COMPLETED: list[JobEvent] = [*PROCESSING, JobCompleted(attempt=1)]
FAILED: list[JobEvent] = [*PROCESSING, JobFailed(attempt=1, cause=Cause.FAILED)]
CANCELLED: list[JobEvent] = [*PENDING, JobCancelled(attempt=0, reason="enough")]


@dataclass
class Outcome:
    job: Job
    act: Callable[[Job], JobEvent]

    def then(self, expected: JobEvent) -> None:
        assert self.act(self.job) == expected

    def then_raises(self, error: type[JobledgerError]) -> None:
        with pytest.raises(error):
            self.act(self.job)


@dataclass
class Story:
    job: Job

    def when(self, act: Callable[[Job], JobEvent]) -> Outcome:
        return Outcome(self.job, act)


def given(*events: JobEvent) -> Story:
    return Story(replay(recorded(*events)))
