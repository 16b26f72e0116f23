"""Where webhook endpoints are kept, and how far the feed of events was handed to them."""

from collections.abc import Collection
from typing import NamedTuple, Protocol

from domain.identifiers import UserId
from domain.webhooks import Endpoint, EndpointId


class FeedCursor(NamedTuple):
    """All events up to `position` were handed over; `is_heard` says whether any endpoint is enabled."""

    position: int
    is_heard: bool


class WebhookEndpoints(Protocol):
    """Every method raises StorageUnavailable."""

    async def add(self, endpoint: Endpoint) -> None:
        """Keep a new endpoint."""

    async def get(self, endpoint_id: EndpointId) -> Endpoint | None: ...

    async def of_user(self, user_id: UserId) -> list[Endpoint]:
        """The user's endpoints, the oldest first."""

    async def replace(self, endpoint: Endpoint) -> bool:
        """Keep the endpoint as given, its version raised by one; False when it has changed meanwhile."""

    async def remove(self, endpoint_id: EndpointId) -> None: ...

    async def listening(self, user_ids: Collection[UserId]) -> list[Endpoint]:
        """The enabled endpoints of these users."""

    async def cursor(self) -> FeedCursor: ...

    async def advance(self, *, after: int, to: int) -> bool:
        """Move the cursor; False when somebody else has moved it from `after` meanwhile."""
