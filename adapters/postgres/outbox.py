"""The outbox over PostgreSQL and PGMQ, in one database: a move is one statement."""

from datetime import timedelta
from time import monotonic
from typing import Any

import psycopg
import structlog

from adapters.postgres.pool import Database, fetch
from adapters.postgres.statements import statement
from domain.fair_shares import AGING, FAIR_DEPTH
from domain.identifiers import JobId
from domain.ports.outbox import RelayedEntry, RelayReport

log = structlog.get_logger()


SHARED_OUT_AT_ONCE = 5000
LOOKED_THROUGH_AT_ONCE = 512
SHARED_OUT_EVERY_SECONDS = 10.0
BEGINNING = "(0,0)"


class PostgresOutbox:
    """One bad entry costs itself: a batch that the database refuses is sent entry by entry."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._is_limited = False
        self._shared_out_to: str | None = BEGINNING
        self._share_out_again_at = 0.0

    async def relay(
        self,
        *,
        limit: int,
        max_visible: int,
        names_entries: bool = False,
        max_visible_fairly: int = FAIR_DEPTH,
        aging: timedelta = AGING,
    ) -> RelayReport:
        asked = {
            "limit": limit, "max_visible": max_visible, "only": None, "names_entries": names_entries,
            "aging": aging,
        }  # fmt: skip
        if not self._is_limited:
            report = await self._relay_in_order(asked)
            if not self._is_limited:
                return report
            self._shared_out_to = BEGINNING
        return await self._relay_fairly(asked | {"max_visible": min(max_visible, max_visible_fairly)})

    async def _relay_in_order(self, asked: dict[str, Any]) -> RelayReport:
        try:
            return await self._relay(asked)
        except (psycopg.DataError, psycopg.IntegrityError):
            return await self._relay_one_by_one(asked)

    async def _relay_fairly(self, asked: dict[str, Any]) -> RelayReport:
        await self._share_out()
        try:
            return await self._in_turn(asked | {"sends_parameters": True})
        except (psycopg.DataError, psycopg.IntegrityError):
            # Parameters that the queue refuses: workers find them with the job.
            return await self._in_turn(asked | {"sends_parameters": False})

    async def _in_turn(self, asked: dict[str, Any]) -> RelayReport:
        async with self._database.connection() as connection, connection.transaction():
            await fetch(connection, statement("outbox/hold_turn"), {})
            (row,) = await fetch(connection, statement("outbox/relay_fairly"), asked)
        return self._report(row)._replace(is_limited=row["has_due"] and not row["is_held_back"])

    async def _share_out(self) -> None:
        if self._shared_out_to is None:
            if monotonic() < self._share_out_again_at:
                return
            self._shared_out_to = BEGINNING
        until_block = int(self._shared_out_to[1:].split(",")[0]) + LOOKED_THROUGH_AT_ONCE
        until = f"({until_block},0)"
        page = {
            "after": self._shared_out_to, "until": until, "until_block": until_block,
            "limit": SHARED_OUT_AT_ONCE,
        }  # fmt: skip
        (row,) = await self._database.rows(statement("outbox/share_out"), page)
        self._shared_out_to = row["cut_at"] or (None if row["is_end"] else until)
        self._share_out_again_at = monotonic() + SHARED_OUT_EVERY_SECONDS

    async def _relay(self, asked: dict[str, Any]) -> RelayReport:
        (row,) = await self._database.rows(statement("outbox/relay"), asked)
        return self._report(row)

    def _report(self, row: dict[str, Any]) -> RelayReport:
        self._is_limited = row["is_limited"]
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
