"""Webhook endpoints, as requests ask for them and answers show them."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field, StringConstraints

from domain.lifecycle import Status
from domain.views import JobView
from domain.webhooks import Endpoint, written_secret
from entrypoints.api.answers import ErrorOut, instant, job_out
from entrypoints.api.schemas import Reason, Request

MAX_EVENT_TYPES = 50

Url = Annotated[str, StringConstraints(min_length=1, max_length=2048)]
EventTypes = Annotated[
    list[Annotated[str, StringConstraints(max_length=100)]], Field(max_length=MAX_EVENT_TYPES)
]
Description = Annotated[str, StringConstraints(max_length=200)]
Position = Annotated[int, Field(ge=1, le=2**53 - 1)]


class CreateWebhook(Request):
    """No `event_types` mean every event of your jobs."""

    url: Url = Field(examples=["https://example.org/hooks/jobs"])
    event_types: EventTypes = Field([], examples=[["JobCompleted", "JobFailed"]])
    description: Description = ""


class ChangeWebhook(Request):
    """What is left out stays."""

    url: Url | None = None
    event_types: EventTypes | None = None
    description: Description | None = None


class SwitchWebhook(Request):
    reason: Reason


class Redeliver(Request):
    """Positions of the ledger, both included."""

    first_position: Position
    last_position: Position


class WebhookOut(BaseModel):
    """`secret` is shown when it is made, and never again."""

    id: str
    url: str
    event_types: list[str]
    description: str
    status: str
    disabled_because: str | None
    after_position: int
    created_at: datetime
    secret: str | None = None


class WebhooksOut(BaseModel):
    webhooks: list[WebhookOut]


class DeliveryOut(BaseModel):
    """One event's way to one endpoint; `attempt` counts the tries."""

    id: str
    position: int | None
    status: Status
    attempt: int
    error_info: ErrorOut | None
    created_at: datetime
    due_at: datetime | None
    finished_at: datetime | None


class DeliveriesOut(BaseModel):
    deliveries: list[DeliveryOut]
    next: str | None


class RedeliveredOut(BaseModel):
    deliveries: int


def webhook_out(endpoint: Endpoint, *, shows_secret: bool = False) -> dict[str, Any]:
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "event_types": list(endpoint.event_types),
        "description": endpoint.description,
        "status": endpoint.status.value,
        "disabled_because": endpoint.disabled_because,
        "after_position": endpoint.after_position,
        "created_at": instant(endpoint.created_at),
        "secret": written_secret(endpoint.secret) if shows_secret else None,
    }


def delivery_out(view: JobView) -> dict[str, Any]:
    shown = job_out(view)
    parameters = view.job_parameters
    position = parameters.get("position") if isinstance(parameters, dict) else None
    kept = ("id", "status", "attempt", "error_info", "created_at", "due_at", "finished_at")
    return {"position": position} | {name: shown[name] for name in kept}
