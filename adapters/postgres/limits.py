"""Limits in PostgreSQL."""

from typing import Any

from adapters.postgres import json_text
from adapters.postgres.audit_trail import PostgresAuditTrail
from adapters.postgres.pool import Database
from adapters.postgres.statements import statement
from domain.events import Actor, ActorKind, Provenance
from domain.limits import Kind, Limit, LimitEvent, Rate, Scope
from domain.ports.limits import LimitRecord


class PostgresLimits:
    """Events are written as the audit trail's are."""

    def __init__(self, database: Database, audit: PostgresAuditTrail) -> None:
        self._database = database
        self._audit = audit

    async def append(self, after: Limit, event: LimitEvent, provenance: Provenance) -> bool:
        rate: dict[str, int | None] = after.rate._asdict() if after.rate else dict.fromkeys(Rate._fields)
        parameters = after._asdict() | after.scope._asdict() | rate | self._audit.row(event, provenance)
        return bool(await self._database.rows(statement("limits/append"), parameters))

    async def get(self, scope: Scope) -> Limit | None:
        rows = await self._database.rows(statement("limits/get"), scope._asdict())
        return limit_of(rows[0]) if rows else None

    async def active(self) -> list[Limit]:
        return [limit_of(row) for row in await self._database.rows(statement("limits/active"), {})]

    async def active_records(self) -> dict[Scope, LimitRecord]:
        rows = await self._database.rows(statement("limits/active_records"), {})
        return {Scope(Kind(row["kind"]), row["user_id"], row["name"]): record_of(row) for row in rows}

    async def history(self, scope: Scope) -> list[LimitRecord]:
        rows = await self._database.rows(statement("limits/history"), scope._asdict())
        return [record_of(row) for row in rows]


def record_of(row: dict[str, Any]) -> LimitRecord:
    return LimitRecord(
        row["version"],
        row["type"],
        json_text.take_all(row["facts"] | (row["payload"] or {})),
        Actor(ActorKind(row["actor_kind"]), row["actor_id"]),
        row["recorded_at"],
    )


def limit_of(row: dict[str, Any]) -> Limit:
    rate = Rate(row["starts"], row["per_seconds"], row["burst"]) if row["starts"] else None
    return Limit(
        Scope(Kind(row["kind"]), row["user_id"], row["name"]),
        row["version"],
        row["is_paused"],
        row["concurrency"],
        rate,
        row["weight"],
    )
