"""Queues and limits, as requests ask for them and answers show them."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field, StringConstraints, model_validator

from domain.errors import FieldProblem, InvalidSubmission
from domain.limits import EVERY, Kind, Limit, Rate, Scope, group, user
from domain.ports.limits import LimitRecord
from entrypoints.api.answers import instant
from entrypoints.api.schemas import Reason, Request

UserName = Annotated[str, StringConstraints(min_length=1, max_length=255)]
GroupName = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class ActOnQueue(Request):
    reason: Reason = Field(examples=["the printer is broken"])


class RateIn(Request):
    """So many starts in so many seconds, of which `burst` may come at once."""

    starts: int = Field(ge=1, le=1_000_000)
    per_seconds: int = Field(1, ge=1, le=86_400)
    burst: int = Field(1, ge=1, le=1_000_000)


class LimitedIn(Request):
    """Whose limit: a user's or a user's group's; `*` is for every one that has none of its own."""

    user_id: UserName = Field(examples=["user-1"])
    group_key: GroupName | None = Field(None, description="`*` for each group; with the user `*` as well.")

    @property
    def scope(self) -> Scope:
        return group(self.user_id, self.group_key) if self.group_key else user(self.user_id)

    @model_validator(mode="after")
    def _names_a_group_of_somebody(self) -> "LimitedIn":
        if self.user_id == EVERY and self.group_key not in (None, EVERY):
            detail = "Groups are each user's own: for every user, name every group (`*`)."
            raise InvalidSubmission([FieldProblem(pointer="/group_key", detail=detail)])
        return self


class SetLimit(LimitedIn):
    """What holds from now on, whole: what is left out is not limited."""

    concurrency: int | None = Field(
        None, ge=0, le=1_000_000, description="Attempts queued or running at once; 0 holds everything."
    )
    rate: RateIn | None = None
    weight: int | None = Field(None, ge=1, le=1000, description="Of a fair share; 1 otherwise.")
    reason: Reason = Field(examples=["their contract says so"])

    def limit(self) -> Limit:
        if self.concurrency is None and self.rate is None and self.weight is None:
            detail = "Set concurrency, rate or weight; a limit is taken back by POST /limits/remove."
            raise InvalidSubmission([FieldProblem(pointer="", detail=detail)])
        rate = Rate(self.rate.starts, self.rate.per_seconds, self.rate.burst) if self.rate else None
        return Limit(self.scope, concurrency=self.concurrency, rate=rate, weight=self.weight)


class RemoveLimit(LimitedIn):
    reason: Reason


class QueueOut(BaseModel):
    """A queue has the name of its job type; `version` counts how often it was paused and resumed."""

    name: str
    is_paused: bool
    version: int


class QueuesOut(BaseModel):
    queues: list[QueueOut]


class RateModel(BaseModel):
    starts: int
    per_seconds: int
    burst: int


class LimitOut(BaseModel):
    user_id: str
    group_key: str | None
    version: int
    concurrency: int | None
    rate: RateModel | None
    weight: int | None


class LimitsOut(BaseModel):
    limits: list[LimitOut]


class LimitEventOut(BaseModel):
    version: int
    type: str
    recorded_at: datetime
    actor: dict[str, str]
    data: dict[str, Any]


class LimitEventsOut(BaseModel):
    events: list[LimitEventOut]


def queue_out(limit: Limit) -> dict[str, Any]:
    return {"name": limit.scope.name, "is_paused": limit.is_paused, "version": limit.version}


def limit_out(limit: Limit) -> dict[str, Any]:
    return {
        "user_id": limit.scope.user_id or None,
        "group_key": limit.scope.name if limit.scope.kind is Kind.GROUP else None,
        "version": limit.version,
        "concurrency": limit.concurrency,
        "rate": limit.rate._asdict() if limit.rate else None,
        "weight": limit.weight,
    }


def limit_event_out(record: LimitRecord) -> dict[str, Any]:
    return {
        "version": record.version,
        "type": record.type,
        "recorded_at": instant(record.recorded_at),
        "actor": {"kind": record.actor.kind.value, "id": record.actor.id},
        "data": record.said,
    }
