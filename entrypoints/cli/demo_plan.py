"""What the demo submits: every way that a job can go, and how each should end."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from domain.lifecycle import Status

DELAY_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """`count` jobs of `sample_task`; `cancel_when` is the status at which the demo cancels them."""

    name: str
    count: int
    parameters: dict[str, Any]
    ends_as: Status = Status.COMPLETED
    max_attempts: int | None = None
    starts_after: timedelta | None = None
    cancel_when: Status | None = None

    def submission(self, number: int, *, tag: str, now: datetime) -> dict[str, Any]:
        """The body of the request for the job of this number; priorities go round."""
        asked: dict[str, Any] = {
            "job_type": "sample_task",
            "job_parameters": self.parameters,
            "priority": number % 10,
            "tags": [tag, self.name],
        }
        if self.max_attempts:
            asked["max_attempts"] = self.max_attempts
        if self.starts_after:
            asked["run_at"] = (now + self.starts_after).isoformat()
        return asked


STEPS = {"steps": 4, "duration_seconds": 0.8, "progress": True}

KINDS = (
    Kind(
        name="good",
        count=180,
        parameters=STEPS | {"result": {"rows": 42}, "data_references": ["demo://rows"]},
    ),
    Kind(name="retried", count=40, parameters=STEPS | {"fail_on_attempts": [1], "result": "second try"}),
    Kind(
        name="hopeless",
        count=20,
        parameters={"fail_on_attempts": [1], "retryable": False},
        ends_as=Status.FAILED,
    ),
    Kind(
        name="out of attempts",
        count=10,
        parameters={"fail_on_attempts": [1, 2]},
        max_attempts=2,
        ends_as=Status.FAILED,
    ),
    Kind(name="delayed", count=30, parameters={}, starts_after=timedelta(seconds=DELAY_SECONDS)),
    Kind(
        name="cancelled while waiting",
        count=15,
        parameters={},
        starts_after=timedelta(hours=1),
        ends_as=Status.CANCELLED,
        cancel_when=Status.SCHEDULED,
    ),
    Kind(
        name="cancelled while running",
        count=5,
        parameters={"steps": 600, "duration_seconds": 600, "progress": True},
        ends_as=Status.CANCELLED,
        cancel_when=Status.PROCESSING,
    ),
)
