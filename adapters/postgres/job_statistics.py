"""JobStatistics in tables of their own, advanced by whoever holds the one row of the cursor."""

from datetime import datetime, timedelta
from typing import Any

from adapters.postgres.pool import Database, fetch
from adapters.postgres.statements import statement
from domain.audit import RecoverySwept
from domain.events import Actor, ActorKind
from domain.identifiers import UserId
from domain.job_statistics import BUCKETS_PER_DOUBLING, LAST_BUCKET, LEADS_TO_STATUS, MINUTE, Count, Rate
from domain.lifecycle import Status
from domain.ports.job_statistics import QueueDepth, RecordedSweep


class PostgresJobStatistics:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def advance(self, *, limit: int) -> int:
        parameters: dict[str, Any] = {
            "limit": limit,
            "types": list(LEADS_TO_STATUS),
            "statuses": [status.value for status in LEADS_TO_STATUS.values()],
            "last_bucket": LAST_BUCKET,
            "per_doubling": BUCKETS_PER_DOUBLING,
        }
        async with self._database.connection() as connection, connection.transaction():
            held = await fetch(connection, statement("job_statistics/hold"), {})
            if not held:
                return 0
            (row,) = await fetch(
                connection, statement("job_statistics/advance"), parameters | {"seen": held[0]["seen"]}
            )
            events: int = row["events"]
            return events

    async def counts(self, *, user_id: UserId) -> list[Count]:
        rows = await self._database.rows(statement("job_statistics/counts"), {"user_id": user_id})
        return [Count(row["job_type"], Status(row["status"]), row["jobs"]) for row in rows]

    async def rates(self, *, user_id: UserId, since: datetime, step: timedelta = MINUTE) -> list[Rate]:
        parameters = {"user_id": user_id, "since": since, "step": step}
        rows = await self._database.rows(statement("job_statistics/rates"), parameters)
        return [Rate(**row) for row in rows]

    async def queue_depth(self) -> QueueDepth:
        (row,) = await self._database.rows(statement("job_statistics/queue_depth"), {})
        return QueueDepth(**row)

    async def sweeps(self, *, limit: int) -> list[RecordedSweep]:
        rows = await self._database.rows(statement("job_statistics/sweeps"), {"limit": limit})
        return [_sweep(row) for row in rows]

    async def start_over(self) -> None:
        await self._database.rows(statement("job_statistics/start_over"), {})


def _sweep(row: dict[str, Any]) -> RecordedSweep:
    told: dict[str, Any] = row["facts"]
    told |= {name: tuple(told.get(name) or ()) for name in ("acted", "skipped")}
    actor = Actor(ActorKind(row["actor_kind"]), row["actor_id"])
    return RecordedSweep(row["swept_at"], actor, RecoverySwept(**told))
