"""What the built-in job type does when asked."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

import pytest

from domain.events import Progress
from domain.identifiers import JobId, Json
from domain.job_types import NotRetryable, OutcomeTransaction
from domain.sample_task import SampleTask, SampleTaskFailed, sample_task
from tests.domain.stories import JOB


@dataclass
class Context:
    """Notes what a function does with it; time passes at once."""

    attempt: int = 1
    job_id: JobId = JOB
    is_cancelled: bool = False
    slept: list[float] = field(default_factory=list)
    reports: list[Progress] = field(default_factory=list)
    attached: list[str] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def report_progress(self, *, percent: int | None = None, message: str | None = None) -> None:
        self.reports.append(Progress(percent=percent, message=message))

    def attach(self, *data_references: str) -> None:
        self.attached += data_references

    def transaction(self) -> AbstractAsyncContextManager[OutcomeTransaction]:
        raise AssertionError("it needs none")


async def ran(context: Context, parameters: SampleTask) -> Json:
    work: Any = sample_task.function(context, parameters)
    result: Json = await work
    return result


async def test_nothing_asked_is_done_at_once() -> None:
    context = Context()

    assert await ran(context, SampleTask()) is None
    assert (context.slept, context.reports, context.attached) == ([], [], [])


async def test_the_duration_is_shared_by_the_steps() -> None:
    context = Context()
    await ran(context, SampleTask(steps=4, duration_seconds=2.0))

    assert context.slept == [0.5, 0.5, 0.5, 0.5]


async def test_progress_is_told_after_each_step() -> None:
    context = Context()
    await ran(context, SampleTask(steps=3, progress=True))

    assert [report.percent for report in context.reports] == [33, 66, 100]
    assert context.reports[0].message == "step 1 of 3"


async def test_it_gives_back_what_was_asked_for() -> None:
    context = Context()
    result = await ran(context, SampleTask(result={"answer": [42]}, data_references=["file:///a", "s3://b"]))

    assert result == {"answer": [42]}
    assert context.attached == ["file:///a", "s3://b"]


@pytest.mark.parametrize(("retryable", "error"), [(True, SampleTaskFailed), (False, NotRetryable)])
async def test_it_fails_on_the_attempts_it_was_told_to(retryable: bool, error: type[Exception]) -> None:
    told = SampleTask(fail_on_attempts=[1, 3], retryable=retryable, result="done")

    for attempt in (1, 3):
        with pytest.raises(error, match=f"attempt {attempt} was told to fail"):
            await ran(Context(attempt=attempt), told)
    assert await ran(Context(attempt=2), told) == "done"


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": 0},
        {"steps": 10_001},
        {"duration_seconds": -1.0},
        {"duration_seconds": 86_401.0},
        {"duration_seconds": float("nan")},
    ],
)
def test_what_it_cannot_do_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be between"):
        SampleTask(**wrong)
