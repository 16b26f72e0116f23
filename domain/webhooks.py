"""Webhook endpoints: who wants to hear of which events, and how what they hear is signed.

Signatures are those of Standard Webhooks: https://www.standardwebhooks.com (specification, version 1.0).
"""

import base64
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple, NewType

from domain.events import EVENT_TYPES
from domain.identifiers import UserId
from domain.retries import RetryPolicy

EndpointId = NewType("EndpointId", str)

DELIVERY = "webhook_delivery"
"""The job type of deliveries; each is a job, so its attempts are events like any other job's."""

SECRET_BYTES = 32
SECRET_PREFIX = "whsec_"  # noqa: S105 - the standard's prefix, no secret
ROTATION_OVERLAP = timedelta(days=1)
MAX_ENDPOINTS = 20
MAX_REDELIVERED = 1000
# The standard's table: at once, then after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h and 24 h.
DELIVERY_RETRIES = RetryPolicy(
    max_attempts=10,
    max_lost_attempts=10,
    delays_seconds=(5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400),
    jitter=0.1,
    max_delay_seconds=86_400,
)
_OWNER_PREFIX = "webhooks:"


class EndpointStatus(StrEnum):
    ENABLED = "enabled"
    DISABLED = "disabled"


class Endpoint(NamedTuple):
    """Where a user's events go. Only events at positions above `after_position` do, and of `event_types`.

    No event types mean all. `previous_secret` signs too, until `previous_until`. `disabled_because` says who
    or what disabled it; `version` counts its changes.
    """

    id: EndpointId
    user_id: UserId
    url: str
    event_types: tuple[str, ...]
    description: str
    secret: bytes
    after_position: int
    created_at: datetime
    previous_secret: bytes | None = None
    previous_until: datetime | None = None
    status: EndpointStatus = EndpointStatus.ENABLED
    disabled_because: str | None = None
    version: int = 1

    def wants(self, event_type: str, position: int) -> bool:
        is_asked_for = not self.event_types or event_type in self.event_types
        return self.status is EndpointStatus.ENABLED and is_asked_for and position > self.after_position

    def rotated(self, secret: bytes, *, at: datetime) -> "Endpoint":
        """With a new secret; what was signed with the old one is understood for a day more."""
        return self._replace(secret=secret, previous_secret=self.secret, previous_until=at + ROTATION_OVERLAP)

    def enabled(self) -> "Endpoint":
        return self._replace(status=EndpointStatus.ENABLED, disabled_because=None)

    def disabled(self, because: str) -> "Endpoint":
        return self._replace(status=EndpointStatus.DISABLED, disabled_because=because)


def unknown_event_types(names: tuple[str, ...]) -> list[str]:
    return sorted(set(names) - set(EVENT_TYPES))


def owner_of_deliveries(user_id: UserId) -> UserId:
    """Whose the delivery jobs are: not the user's own, among whose jobs they would drown the others.

    Nobody's events go to webhooks but users' own, so deliveries tell of no deliveries.
    """
    return UserId(_OWNER_PREFIX + user_id)


def is_owner_of_deliveries(user_id: UserId) -> bool:
    return user_id.startswith(_OWNER_PREFIX)


def tag_of(endpoint_id: EndpointId) -> str:
    """The tag by which an endpoint's deliveries are found."""
    return endpoint_id


def written_secret(secret: bytes) -> str:
    return SECRET_PREFIX + base64.b64encode(secret).decode()


def message_id(endpoint_id: EndpointId, position: int) -> str:
    """The same for every attempt, and when the event is sent once more: what a receiver recognises it by."""
    return f"{endpoint_id}.{position}"


def signed_headers(endpoint: Endpoint, *, message: str, body: bytes, at: datetime) -> Mapping[str, str]:
    """The three headers of the standard; the signatures are those of all secrets that are good at `at`."""
    timestamp = str(int(at.timestamp()))
    secrets = [endpoint.secret]
    if endpoint.previous_secret and endpoint.previous_until and at < endpoint.previous_until:
        secrets.append(endpoint.previous_secret)
    content = f"{message}.{timestamp}.".encode() + body
    signatures = [base64.b64encode(hmac.digest(secret, content, sha256)).decode() for secret in secrets]
    return {
        "webhook-id": message,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
