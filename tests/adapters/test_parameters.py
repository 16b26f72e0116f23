"""What a client sent, fitted to a job type's parameter type."""

from dataclasses import asdict, dataclass
from typing import Any

import pytest
from pydantic import BaseModel

from adapters.parameters import PydanticParameterParser
from domain.errors import InvalidSettings, InvalidSubmission
from domain.identifiers import Json
from domain.job_types import JobContext, JobType, job_type
from domain.sample_task import SampleTask, sample_task


@dataclass(frozen=True)
class Inner:
    width: int


@dataclass(frozen=True)
class Nested:
    inner: Inner
    names: dict[str, int]


class Model(BaseModel):
    width: int


def of(parameters: Any) -> JobType:
    async def run(context: JobContext, given: Any) -> Json:
        return None

    run.__annotations__["given"] = parameters
    return job_type("tested")(run)


def pointers(parameters: Any, given: Json) -> list[str]:
    kind = of(parameters)
    with pytest.raises(InvalidSubmission) as refusal:
        PydanticParameterParser([kind]).parse(kind, given)
    return [problem.pointer for problem in refusal.value.problems]


def test_no_parameters_are_all_defaults() -> None:
    parser = PydanticParameterParser([sample_task])

    nothing: list[Json] = [None, {}]
    for given in nothing:
        parsed = parser.parse(sample_task, given)
        assert isinstance(parsed, SampleTask)
        assert asdict(parsed) == asdict(SampleTask())


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"inner": {"width": "x"}, "names": {}}, ["/job_parameters/inner/width"]),
        ({"inner": {"width": 1}, "names": {"a/b~c": "x"}}, ["/job_parameters/names/a~1b~0c"]),
        ({"inner": {"width": 1}}, ["/job_parameters/names"]),
        ({"inner": {"width": 1}, "names": {}, "more": 1}, ["/job_parameters/more"]),
        (7, ["/job_parameters"]),
    ],
)
def test_each_bad_field_is_pointed_to(given: Json, expected: list[str]) -> None:
    assert pointers(Nested, given) == expected


def test_what_a_type_checks_itself_is_a_problem_of_the_whole() -> None:
    assert pointers(SampleTask, {"steps": 0}) == ["/job_parameters"]


def test_a_pydantic_model_will_do() -> None:
    kind = of(Model)

    assert PydanticParameterParser([kind]).parse(kind, {"width": 3}) == Model(width=3)


def test_the_schema_says_what_is_wanted() -> None:
    schema = PydanticParameterParser([sample_task]).schema(sample_task)

    assert schema["additionalProperties"] is False
    assert "steps" in str(schema["properties"])


def test_a_parameter_type_that_cannot_be_used_stops_the_start() -> None:
    with pytest.raises(InvalidSettings, match="the parameter type of 'tested' cannot be used"):
        PydanticParameterParser([of(Json)])
