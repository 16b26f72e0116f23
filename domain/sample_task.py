"""The built-in job type: it does nothing useful, in every way that a real one might."""

from dataclasses import dataclass, field
from typing import Any

from domain.identifiers import Json
from domain.job_types import JobContext, NotRetryable, job_type
from domain.retries import RetryPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleTask:
    """`{}` is enough. It takes `steps` of `duration_seconds / steps` each, and says so when `progress`.

    On an attempt listed in `fail_on_attempts` it raises, retryable or not, after its steps; otherwise it
    ends with `result`, any JSON value, and names `data_references`.
    """

    steps: int = 1
    duration_seconds: float = 0.0
    progress: bool = False
    result: Any = None
    data_references: list[str] = field(default_factory=list)
    fail_on_attempts: list[int] = field(default_factory=list)
    retryable: bool = True

    def __post_init__(self) -> None:
        if not 1 <= self.steps <= 10_000:  # noqa: PLR2004 - the bound itself
            raise ValueError("steps must be between 1 and 10,000")
        if not 0 <= self.duration_seconds <= 86_400:  # noqa: PLR2004 - the bound itself
            raise ValueError("duration_seconds must be between 0 and 86,400")


class SampleTaskFailed(Exception):
    """What `fail_on_attempts` raises."""


@job_type("sample_task", retry=RetryPolicy(first_delay_seconds=0.5, max_delay_seconds=60.0))
async def sample_task(context: JobContext, parameters: SampleTask) -> Json:
    """Take some steps, wait, report progress, fail when told to, and give back what was asked for."""
    for step in range(1, parameters.steps + 1):
        if parameters.duration_seconds:
            await context.sleep(parameters.duration_seconds / parameters.steps)
        if parameters.progress:
            percent = 100 * step // parameters.steps
            context.report_progress(percent=percent, message=f"step {step} of {parameters.steps}")
    if context.attempt in parameters.fail_on_attempts:
        told = f"attempt {context.attempt} was told to fail"
        raise SampleTaskFailed(told) if parameters.retryable else NotRetryable(told)
    context.attach(*parameters.data_references)
    result: Json = parameters.result
    return result
