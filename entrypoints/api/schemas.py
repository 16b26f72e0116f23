"""Requests, as pydantic reads them."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

from domain.errors import FieldProblem, InvalidSubmission
from entrypoints.api.answers import dumps
from entrypoints.api.json_checks import find_problems

MAX_PARAMETER_BYTES = 256 * 1024

Name = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Key = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Tag = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=500)]

WRITTEN_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]")


def _as_written(value: Any) -> Any:
    # Pydantic would take numbers too, and guess whether they count seconds or milliseconds.
    if value is None or (isinstance(value, str) and WRITTEN_TIME.match(value)):
        return value
    raise PydanticCustomError("time_form", "A time is written like 2030-01-01T12:00:00Z.")


def _in_utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise PydanticCustomError("time_range", "In UTC, this time lies outside the calendar.") from None


Instant = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_as_written), AfterValidator(_in_utc)]


class Request(BaseModel):
    # Strict: a number in quotes, or `true` for 1, is a mistake that its sender wants to hear of.
    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _can_be_stored(cls, data: Any) -> Any:
        if problems := find_problems(data):
            raise InvalidSubmission(problems)
        return data


class SubmitJob(Request):
    job_type: Name = Field(examples=["sample_task"])
    job_parameters: dict[str, Any] = Field(default_factory=dict, examples=[{"steps": 3}])
    priority: int = Field(0, ge=0, le=9, description="9 goes first.")
    run_at: Instant | None = Field(None, description="Not before this time; with its offset.")
    max_attempts: int | None = Field(None, ge=1, le=100)
    timeout_seconds: int | None = Field(None, ge=1, le=86_400, description="Of one attempt.")
    unique_key: Key | None = Field(None, description="Held until the job ends: no other live job has it.")
    tags: list[Tag] = Field(default_factory=list, max_length=20)
    on_behalf_of: Key | None = Field(None, description="For operators: the person they act for.")

    @model_validator(mode="after")
    def _is_bounded(self) -> "SubmitJob":
        size = len(dumps(self.job_parameters))
        if size > MAX_PARAMETER_BYTES:
            detail = f"The parameters have {size} bytes of at most {MAX_PARAMETER_BYTES}."
            raise InvalidSubmission([FieldProblem(pointer="/job_parameters", detail=detail)])
        return self


class ActOnJob(Request):
    reason: Reason = Field(examples=["no longer needed"])
