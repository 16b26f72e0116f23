"""Fitting what a client sent to a job type's parameter type."""

from typing import Any, Protocol

from domain.identifiers import Json
from domain.job_types import JobType


class ParameterParser(Protocol):
    def parse(self, job_type: JobType, job_parameters: Json) -> Any:
        """The parameters as the type wants them; InvalidSubmission points to each bad field."""

    def schema(self, job_type: JobType) -> dict[str, Json]:
        """The JSON schema of the type's parameters."""
