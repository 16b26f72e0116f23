"""How functions become job types."""

from dataclasses import dataclass
from typing import Any

import pytest

from domain.identifiers import Json
from domain.job_types import JobContext, JobTypes, job_type
from domain.retries import RetryPolicy
from domain.sample_task import sample_task

PATIENT = RetryPolicy(max_attempts=9)


@dataclass(frozen=True)
class Wanted:
    width: int


@job_type("resize", retry=PATIENT, timeout_seconds=60)
async def resize(context: JobContext, wanted: Wanted) -> Json:
    """Make it smaller."""
    return wanted.width


@job_type("count")
def count(context: JobContext, anything):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201 - the point
    return anything


def test_a_job_type_says_what_its_function_says() -> None:
    assert (resize.name, resize.parameters, resize.retry) == ("resize", Wanted, PATIENT)
    assert (resize.timeout_seconds, resize.description, resize.is_async) == (60, "Make it smaller.", True)


def test_what_a_function_does_not_say_has_a_default() -> None:
    assert (count.parameters, count.retry, count.timeout_seconds) == (Any, RetryPolicy(), 3600)
    assert (count.description, count.is_async) == ("", False)


def test_a_function_takes_a_context_and_its_parameters_and_nothing_else() -> None:
    def alone(context: JobContext) -> Json:
        return None

    with pytest.raises(TypeError, match="lonely: a job type's function takes a context and its parameters"):
        job_type("lonely")(alone)  # type: ignore[arg-type]  # wrong on purpose


def test_job_types_are_found_by_name() -> None:
    types = JobTypes([sample_task, resize])

    assert types.find("resize") is resize
    assert types.find("unknown") is None
    assert types.names() == ["resize", "sample_task"]
    assert list(types) == [sample_task, resize]


def test_two_job_types_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two job types are named sample_task"):
        JobTypes([sample_task, sample_task])


def test_a_type_that_this_process_does_not_know_is_retried_by_default() -> None:
    types = JobTypes([resize])

    assert (types.policy_of("resize"), types.policy_of("unknown")) == (PATIENT, RetryPolicy())
