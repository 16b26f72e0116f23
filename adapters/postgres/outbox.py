"""The outbox over PostgreSQL and PGMQ, in one database: a move is one statement."""

import psycopg
import structlog

from adapters.postgres.pool import Database
from adapters.postgres.statements import statement
from domain.ports.outbox import RelayReport

log = structlog.get_logger()


class PostgresOutbox:
    """One bad entry costs itself: a batch that the database refuses is sent entry by entry."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def relay(self, *, limit: int, max_visible: int) -> RelayReport:
        try:
            return await self._relay(limit, max_visible)
        except (psycopg.DataError, psycopg.IntegrityError):
            return await self._relay_one_by_one(limit, max_visible)

    async def _relay(self, limit: int, max_visible: int, only: int | None = None) -> RelayReport:
        parameters = {"limit": limit, "max_visible": max_visible, "only": only}
        (row,) = await self._database.rows(statement("outbox/relay"), parameters)
        return RelayReport(row["moved"], row["next_due_at"], row["is_held_back"])

    async def _relay_one_by_one(self, limit: int, max_visible: int) -> RelayReport:
        moved = 0
        next_due_at = None
        for entry in await self._database.rows(statement("outbox/due"), {"limit": limit}):
            try:
                report = await self._relay(1, max_visible, only=entry["id"])
                moved += report.moved
                next_due_at = report.next_due_at
            except (psycopg.DataError, psycopg.IntegrityError) as error:
                log.exception("entry.parked", job_id=entry["job_id"])
                await self._database.rows(statement("outbox/park"), entry | {"error": str(error)})
        return RelayReport(moved, next_due_at)
