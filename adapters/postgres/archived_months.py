"""Which months were archived, in PostgreSQL."""

from datetime import date
from typing import Any

from adapters.postgres.pool import Database
from adapters.postgres.statements import statement
from domain.ports.archive import ArchivedMonth


class PostgresArchivedMonths:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, month: date) -> ArchivedMonth | None:
        rows = await self._database.rows(statement("archived_months/find"), {"month": month})
        return _month(rows[0]) if rows else None

    async def all(self) -> list[ArchivedMonth]:
        return [_month(row) for row in await self._database.rows(statement("archived_months/all"), {})]


def _month(row: dict[str, Any]) -> ArchivedMonth:
    return ArchivedMonth(**row)
