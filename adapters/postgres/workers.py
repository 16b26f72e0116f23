"""The registry of living workers in PostgreSQL: a row a worker, written at each beat."""

from typing import Any

from adapters.postgres.pool import Database
from adapters.postgres.statements import statement
from domain.identifiers import WorkerId
from domain.ports.workers import LivingWorker, Presence


class PostgresWorkers:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def beat(self, presence: Presence, *, alive_for_seconds: float) -> None:
        parameters = presence._asdict() | {
            "job_types": list(presence.job_types),
            "alive_for_seconds": alive_for_seconds,
        }
        await self._database.rows(statement("workers/beat"), parameters)

    async def leave(self, worker_id: WorkerId) -> None:
        await self._database.rows(statement("workers/leave"), {"worker_id": worker_id})

    async def living(self) -> list[LivingWorker]:
        return [_worker(row) for row in await self._database.rows(statement("workers/living"), {})]


def _worker(row: dict[str, Any]) -> LivingWorker:
    presence = Presence(
        WorkerId(row["worker_id"]),
        row["compute"],
        tuple(row["job_types"]),
        row["concurrency"],
        row["running"],
    )
    return LivingWorker(presence, row["started_at"], row["beat_at"])
