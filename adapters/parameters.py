"""Parameters checked and made by pydantic, after whatever type a job type's function asks for."""

from collections.abc import Sequence
from dataclasses import is_dataclass
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from domain.errors import FieldProblem, InvalidSubmission
from domain.identifiers import Json
from domain.job_types import JobType

ROOT = "/job_parameters"
STRICT = ConfigDict(extra="forbid")


class PydanticParameterParser:
    """Unknown fields are refused wherever the type itself does not say otherwise."""

    def __init__(self) -> None:
        self._adapters: dict[str, TypeAdapter[Any]] = {}

    def parse(self, job_type: JobType, job_parameters: Json) -> Any:
        given = {} if job_parameters is None else job_parameters
        try:
            return self._adapter(job_type).validate_python(given)
        except ValidationError as error:
            problems = [
                FieldProblem(pointer=pointer(problem["loc"]), detail=problem["msg"])
                for problem in error.errors(include_url=False, include_input=False)
            ]
            raise InvalidSubmission(problems) from None

    def schema(self, job_type: JobType) -> dict[str, Json]:
        return self._adapter(job_type).json_schema()

    def _adapter(self, job_type: JobType) -> TypeAdapter[Any]:
        adapter = self._adapters.get(job_type.name)
        if adapter is None:
            adapter = self._adapters[job_type.name] = _adapter_for(job_type.parameters)
        return adapter


def _adapter_for(parameters: Any) -> TypeAdapter[Any]:
    # A plain dataclass takes no configuration from outside and would drop unknown fields in silence.
    if (
        isinstance(parameters, type)
        and is_dataclass(parameters)
        and not hasattr(parameters, "__pydantic_config__")
    ):
        parameters = type(
            parameters.__name__, (parameters,), {"__slots__": (), "__pydantic_config__": STRICT}
        )
    return TypeAdapter(parameters)


def pointer(location: Sequence[str | int]) -> str:
    """A JSON pointer (RFC 6901) to a place in the parameters."""
    parts = [str(part).replace("~", "~0").replace("/", "~1") for part in location]
    return "/".join([ROOT, *parts])
