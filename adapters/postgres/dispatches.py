"""Jobs on their way to remote compute, over PGMQ and the outbox."""

from datetime import timedelta

from adapters.postgres.job_queue import delivery_of
from adapters.postgres.pool import Database, fetch
from adapters.postgres.statements import statement
from domain.fair_shares import AGING
from domain.identifiers import JobId
from domain.ports.job_queue import Delivery, HeldLease


class PgmqDispatches:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def hand_over(
        self,
        *,
        compute: str,
        limit: int,
        max_unclaimed: int,
        claim_seconds: int,
        only: JobId | None = None,
        aging: timedelta = AGING,
    ) -> list[Delivery]:
        parameters = {
            "compute": compute,
            "limit": limit,
            "max_unclaimed": max_unclaimed,
            "claim_seconds": claim_seconds,
            "only": only,
            "aging": aging,
        }
        async with self._database.connection() as connection, connection.transaction():
            (turn,) = await fetch(connection, statement("dispatches/take_turn"), parameters)
            if not turn["is_in_turn"] or (turn["is_limited"] and only):
                return []
            if turn["is_limited"]:
                await fetch(connection, statement("outbox/hold_turn"), {})
                rows = await fetch(connection, statement("dispatches/hand_over_fairly"), parameters)
            else:
                rows = await fetch(connection, statement("dispatches/hand_over"), parameters)
        return [delivery_of(row) for row in rows]

    async def hold_lapsed(self, *, limit: int, hold_seconds: int) -> list[Delivery]:
        parameters = {"limit": limit, "hold_seconds": hold_seconds}
        rows = await self._database.rows(statement("dispatches/hold_lapsed"), parameters)
        return [delivery_of(row) for row in rows]

    async def take(self, told: HeldLease, *, lease_seconds: int) -> Delivery | None:
        parameters = told._asdict() | {"lease_seconds": lease_seconds}
        rows = await self._database.rows(statement("dispatches/take"), parameters)
        return delivery_of(rows[0]) if rows else None

    async def find_unclaimed(self, job_id: JobId) -> HeldLease | None:
        rows = await self._database.rows(statement("dispatches/find_unclaimed"), {"job_id": job_id})
        return HeldLease(rows[0]["msg_id"], rows[0]["read_ct"]) if rows else None

    async def bring_home(self) -> None:
        await self._database.rows(statement("dispatches/bring_home"), {})
