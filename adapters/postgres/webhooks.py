"""Webhook endpoints in PostgreSQL."""

from collections.abc import Collection
from typing import Any

from adapters.postgres.arrays import text_array
from adapters.postgres.pool import Database
from adapters.postgres.statements import statement
from domain.identifiers import UserId
from domain.ports.webhooks import FeedCursor
from domain.webhooks import Endpoint, EndpointId, EndpointStatus


class PostgresWebhookEndpoints:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, endpoint: Endpoint) -> None:
        await self._database.rows(statement("webhooks/add"), _row(endpoint))

    async def get(self, endpoint_id: EndpointId) -> Endpoint | None:
        rows = await self._database.rows(statement("webhooks/get"), {"id": endpoint_id})
        return _endpoint(rows[0]) if rows else None

    async def of_user(self, user_id: UserId) -> list[Endpoint]:
        rows = await self._database.rows(statement("webhooks/of_user"), {"user_id": user_id})
        return [_endpoint(row) for row in rows]

    async def replace(self, endpoint: Endpoint) -> bool:
        return bool(await self._database.rows(statement("webhooks/replace"), _row(endpoint)))

    async def remove(self, endpoint_id: EndpointId) -> None:
        await self._database.rows(statement("webhooks/remove"), {"id": endpoint_id})

    async def listening(self, user_ids: Collection[UserId]) -> list[Endpoint]:
        rows = await self._database.rows(statement("webhooks/listening"), {"user_ids": text_array(user_ids)})
        return [_endpoint(row) for row in rows]

    async def cursor(self) -> FeedCursor:
        (row,) = await self._database.rows(statement("webhooks/cursor"), {})
        return FeedCursor(row["position"], row["is_heard"])

    async def advance(self, *, after: int, to: int) -> bool:
        return bool(await self._database.rows(statement("webhooks/advance"), {"after": after, "to": to}))


def _row(endpoint: Endpoint) -> dict[str, Any]:
    return endpoint._asdict() | {
        "event_types": text_array(endpoint.event_types),
        "status": endpoint.status.value,
    }


def _endpoint(row: dict[str, Any]) -> Endpoint:
    values = {name: row[name] for name in Endpoint._fields}
    values |= {"event_types": tuple(row["event_types"]), "status": EndpointStatus(row["status"])}
    return Endpoint(**values)
