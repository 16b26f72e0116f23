"""Parameters checked and made by pydantic, after whatever type a job type's function asks for."""

from collections.abc import Iterable, Sequence
from dataclasses import is_dataclass
from typing import Any

from pydantic import ConfigDict, PydanticUserError, TypeAdapter, ValidationError

from domain.errors import FieldProblem, InvalidSettings, InvalidSubmission
from domain.identifiers import Json
from domain.job_types import JobType

ROOT = "/job_parameters"
STRICT = ConfigDict(extra="forbid")
# Pydantic speaks to who wrote the dataclass; these are read by who submits a job.
WORDS = {
    "dataclass_type": "This must be a JSON object.",
    "dict_type": "This must be a JSON object.",
    "extra_forbidden": "There is no such parameter.",
    "missing": "This is needed.",
    "model_type": "This must be a JSON object.",
    "unexpected_keyword_argument": "There is no such parameter.",
}


class PydanticParameterParser:
    """Unknown fields of dataclasses are refused, unless the type itself says otherwise.

    Raises InvalidSettings when one of the `known` job types has a parameter type that cannot be used: better
    now than at the first submission.
    """

    def __init__(self, known: Iterable[JobType] = ()) -> None:
        self._adapters = {kind.name: _adapter_for(kind) for kind in known}

    def parse(self, job_type: JobType, job_parameters: Json) -> Any:
        given = {} if job_parameters is None else job_parameters
        try:
            return self._adapter(job_type).validate_python(given)
        except ValidationError as error:
            problems = [
                FieldProblem(pointer=pointer(problem["loc"]), detail=told_of(problem))
                for problem in error.errors(include_url=False, include_input=False)
            ]
            raise InvalidSubmission(problems) from None

    def _adapter(self, job_type: JobType) -> TypeAdapter[Any]:
        if job_type.name not in self._adapters:
            self._adapters[job_type.name] = _adapter_for(job_type)
        return self._adapters[job_type.name]

    def schema(self, job_type: JobType) -> dict[str, Json]:
        return self._adapter(job_type).json_schema()


def told_of(finding: Any) -> str:
    return WORDS.get(finding["type"]) or f"{str(finding['msg']).rstrip('.')}."


def _adapter_for(kind: JobType) -> TypeAdapter[Any]:
    parameters = kind.parameters
    # A plain dataclass takes no configuration from outside and would drop unknown fields in silence.
    if (
        isinstance(parameters, type)
        and is_dataclass(parameters)
        and not hasattr(parameters, "__pydantic_config__")
    ):
        parameters = type(
            parameters.__name__, (parameters,), {"__slots__": (), "__pydantic_config__": STRICT}
        )
    try:
        return TypeAdapter(parameters)
    except (PydanticUserError, RecursionError, TypeError) as error:
        told = str(error).splitlines()[0]
        raise InvalidSettings(
            f"JOB_MODULES: the parameter type of {kind.name!r} cannot be used: {told}"
        ) from error


def pointer(location: Sequence[str | int]) -> str:
    """A JSON pointer (RFC 6901) to a place in the parameters."""
    parts = [str(part).replace("~", "~0").replace("/", "~1") for part in location]
    return "/".join([ROOT, *parts])
