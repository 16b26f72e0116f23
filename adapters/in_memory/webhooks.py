"""Webhook endpoints in memory."""

from collections.abc import Collection

from adapters.in_memory.state import InMemoryState
from domain.identifiers import UserId
from domain.ports.webhooks import FeedCursor
from domain.webhooks import Endpoint, EndpointId, EndpointStatus


class InMemoryWebhookEndpoints:
    def __init__(self, state: InMemoryState) -> None:
        self._state = state
        self._endpoints: dict[EndpointId, Endpoint] = {}
        self._position = 0

    async def add(self, endpoint: Endpoint) -> None:
        self._state.reach()
        self._endpoints[endpoint.id] = endpoint

    async def get(self, endpoint_id: EndpointId) -> Endpoint | None:
        self._state.reach()
        return self._endpoints.get(endpoint_id)

    async def of_user(self, user_id: UserId) -> list[Endpoint]:
        self._state.reach()
        return self._of({user_id})

    async def replace(self, endpoint: Endpoint) -> bool:
        self._state.reach()
        kept = self._endpoints.get(endpoint.id)
        if kept is None or kept.version != endpoint.version:
            return False
        self._endpoints[endpoint.id] = endpoint._replace(version=endpoint.version + 1)
        return True

    async def remove(self, endpoint_id: EndpointId) -> None:
        self._state.reach()
        self._endpoints.pop(endpoint_id, None)

    async def listening(self, user_ids: Collection[UserId]) -> list[Endpoint]:
        self._state.reach()
        return [endpoint for endpoint in self._of(user_ids) if endpoint.status is EndpointStatus.ENABLED]

    async def cursor(self) -> FeedCursor:
        self._state.reach()
        enabled = [kept for kept in self._endpoints.values() if kept.status is EndpointStatus.ENABLED]
        return FeedCursor(self._position, bool(enabled))

    async def advance(self, *, after: int, to: int) -> bool:
        self._state.reach()
        if self._position != after:
            return False
        self._position = to
        return True

    def _of(self, user_ids: Collection[UserId]) -> list[Endpoint]:
        found = [endpoint for endpoint in self._endpoints.values() if endpoint.user_id in user_ids]
        return sorted(found, key=lambda endpoint: endpoint.id)
