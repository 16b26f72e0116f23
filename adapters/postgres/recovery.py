"""Looking for stuck jobs and orphans in PostgreSQL."""

from collections.abc import Sequence

from adapters.postgres import view_codec
from adapters.postgres.pool import Database
from adapters.postgres.statements import statement
from domain.identifiers import JobId, WorkerId
from domain.ports.recovery import Suspect, SuspectPage, Suspicion
from domain.views import JobView


class PostgresRecovery:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def suspects(self, *, after: JobId | None, limit: int, silent_for_seconds: int) -> SuspectPage:
        parameters = {"after": after, "limit": limit, "silent_for_seconds": silent_for_seconds}
        rows = await self._database.rows(statement("recovery/suspects"), parameters)
        suspects = [
            Suspect(view_codec.decode(row), Suspicion(row["suspicion"]), row["msg_id"])
            for row in rows
            if row["suspicion"]
        ]
        scanned = rows[0]["scanned"]
        return SuspectPage(suspects, scanned, rows[0]["last"] if scanned == limit else None)

    async def make_months_ahead(self) -> int:
        (row,) = await self._database.rows(statement("recovery/make_months_ahead"), {})
        made: int = row["made"]
        return made

    async def attempts_of(self, worker_ids: Sequence[WorkerId]) -> list[JobView]:
        parameters = {"worker_ids": list(worker_ids)}
        rows = await self._database.rows(statement("recovery/attempts_of"), parameters)
        return [view_codec.decode(row) for row in rows]
