"""The outbox over PostgreSQL and PGMQ, in one database: a move is one statement."""

from typing import Any

import psycopg
import structlog

from adapters.postgres.pool import Database
from adapters.postgres.statements import statement
from domain.identifiers import JobId
from domain.ports.outbox import RelayedEntry, RelayReport

log = structlog.get_logger()


class PostgresOutbox:
    """One bad entry costs itself: a batch that the database refuses is sent entry by entry."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def relay(self, *, limit: int, max_visible: int, names_entries: bool = False) -> RelayReport:
        asked = {"limit": limit, "max_visible": max_visible, "only": None, "names_entries": names_entries}
        try:
            return await self._relay(asked)
        except (psycopg.DataError, psycopg.IntegrityError):
            return await self._relay_one_by_one(asked)

    async def _relay(self, asked: dict[str, Any]) -> RelayReport:
        (row,) = await self._database.rows(statement("outbox/relay"), asked)
        entries = zip(row["job_ids"] or (), row["due_at"] or (), strict=True)
        named = [RelayedEntry(JobId(job_id), due_at) for job_id, due_at in entries]
        return RelayReport(row["moved"], row["next_due_at"], row["is_held_back"], named)

    async def _relay_one_by_one(self, asked: dict[str, Any]) -> RelayReport:
        moved = 0
        next_due_at = None
        named: list[RelayedEntry] = []
        for entry in await self._database.rows(statement("outbox/due"), {"limit": asked["limit"]}):
            try:
                report = await self._relay(asked | {"limit": 1, "only": entry["id"]})
                moved += report.moved
                named += report.entries
                next_due_at = report.next_due_at
            except (psycopg.DataError, psycopg.IntegrityError) as error:
                log.exception("entry.parked", job_id=entry["job_id"])
                await self._database.rows(statement("outbox/park"), entry | {"error": str(error)})
        return RelayReport(moved, next_due_at, entries=named)
