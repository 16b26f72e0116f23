"""Requests, as pydantic reads them."""

import re
from collections.abc import Iterable
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
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from domain.errors import FieldProblem, InvalidSubmission
from domain.use_cases.submit import UniqueKeyConflict
from entrypoints.api.answers import dumps
from entrypoints.api.json_checks import find_problems

MAX_PARAMETER_BYTES = 256 * 1024
MAX_BATCH = 1000

# Printable ASCII without quotes and backslashes, so that it needs no escaping as a structured field.
IDEMPOTENCY_KEY = re.compile(r"^[\x21\x23-\x5b\x5d-\x7e ]{1,255}$")

Name = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Key = Annotated[str, StringConstraints(min_length=1, max_length=255)]
GroupKey = Annotated[
    str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f*][^\x00-\x1f\x7f]*$")
]
Tag = Annotated[str, StringConstraints(min_length=1, max_length=64)]
IdempotencyKey = Annotated[str, StringConstraints(pattern=IDEMPOTENCY_KEY.pattern)]
JobIdText = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]

WRITTEN_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]")
TIME_FORM = "A time is written like 2030-01-01T12:00:00Z or …T12:00:00+01:00, in a query with %2B for the +."
# Pydantic's findings in the words of whoever wrote the request; the others are theirs already.
WORDS = {
    "dict_type": "This must be a JSON object.",
    "extra_forbidden": "There is no such field.",
    "missing": "This is needed.",
    "model_attributes_type": "This must be a JSON object.",
    "model_type": "This must be a JSON object.",
    "timezone_aware": TIME_FORM,
    "datetime_from_date_parsing": TIME_FORM,
    "datetime_parsing": TIME_FORM,
}


def _as_written(value: Any) -> Any:
    # Pydantic would take numbers too, and guess whether they count seconds or milliseconds.
    if value is None or (isinstance(value, str) and WRITTEN_TIME.match(value)):
        return value
    raise PydanticCustomError("time_form", TIME_FORM)


def _in_utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise PydanticCustomError("time_range", "In UTC, this time lies outside the calendar.") from None


def _with_words(reason: str) -> str:
    if not reason.strip():
        raise PydanticCustomError("blank", "A reason has words in it.")
    return reason


def or_refusal(value: Any, parse: ValidatorFunctionWrapHandler) -> "BatchJob | InvalidSubmission":
    """The job, or what is wrong with it: one bad job does not spoil its batch."""
    try:
        job: BatchJob = parse(value)
    except ValidationError as error:
        return InvalidSubmission(field_problems(error.errors(include_url=False, include_input=False)))
    except InvalidSubmission as error:
        return error
    return job


def field_problems(found: Iterable[Any]) -> list[FieldProblem]:
    """Pydantic's findings; each location is a path into the value that was read."""
    return [FieldProblem(pointer=pointer(item["loc"]), detail=told_of(item)) for item in found]


def told_of(finding: Any) -> str:
    """One of pydantic's findings, in words."""
    return WORDS.get(finding["type"]) or f"{str(finding['msg']).rstrip('.')}."


def pointer(location: Iterable[str | int]) -> str:
    """A JSON pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in location)


Reason = Annotated[
    str,
    StringConstraints(min_length=1, max_length=500),
    AfterValidator(_with_words),
    Field(json_schema_extra={"pattern": r"\S"}),
]
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
    """A job to run."""

    job_type: Name = Field(examples=["sample_task"])
    job_parameters: dict[str, Any] = Field(default_factory=dict, examples=[{"steps": 3}])
    priority: int = Field(0, ge=0, le=9, description="9 goes first.")
    run_at: Instant | None = Field(None, description="Not before this time; with its offset.")
    max_attempts: int | None = Field(None, ge=1, le=100)
    timeout_seconds: int | None = Field(None, ge=1, le=86_400, description="Of one attempt.")
    unique_key: Key | None = Field(
        None, description="Held until the job ends: no other live job of yours and of this type has it."
    )
    unique_key_conflict: Annotated[UniqueKeyConflict, Field(strict=False)] = Field(
        UniqueKeyConflict.REJECT,
        description="What to answer when another job holds the unique key: a 409, or that job as it is now.",
    )
    tags: list[Tag] = Field(default_factory=list, max_length=20)
    group_key: GroupKey | None = Field(
        None,
        description="One of your own groups, as a customer of yours: limits and fair shares apply to it.",
    )
    on_behalf_of: Key | None = Field(None, description="For operators: the person they act for.")

    @model_validator(mode="after")
    def _is_bounded(self) -> "SubmitJob":
        size = len(dumps(self.job_parameters))
        if size > MAX_PARAMETER_BYTES:
            detail = f"The parameters have {size} bytes of at most {MAX_PARAMETER_BYTES}."
            raise InvalidSubmission([FieldProblem(pointer="/job_parameters", detail=detail)])
        return self


class BatchJob(SubmitJob):
    """A job of a batch, with an idempotency key of its own if need be."""

    idempotency_key: IdempotencyKey | None = None


class SubmitBatch(BaseModel):
    """Up to a thousand jobs. One that cannot be accepted costs itself, unless it is all or nothing."""

    model_config = ConfigDict(extra="forbid", strict=True)

    jobs: list[Annotated[BatchJob, WrapValidator(or_refusal)]] = Field(min_length=1, max_length=MAX_BATCH)
    all_or_nothing: bool = Field(default=False, description="Accept every job, or none.")


class ActOnJob(Request):
    """Why; it stays in the history."""

    reason: Reason = Field(examples=["no longer needed"])
    on_behalf_of: Key | None = Field(None, description="For operators: the person they act for.")
