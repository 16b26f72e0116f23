"""The job queue over PGMQ 1.5.1 and later."""

from collections.abc import Sequence

from adapters.postgres import view_codec
from adapters.postgres.arrays import plain_array
from adapters.postgres.pool import Database
from adapters.postgres.statements import statement
from domain.ports.job_queue import Delivery, Extended, HeldLease


class PgmqJobQueue:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def receive(self, *, limit: int, lease_seconds: int) -> list[Delivery]:
        parameters = {"limit": limit, "lease_seconds": lease_seconds}
        rows = await self._database.rows(statement("job_queue/receive"), parameters)
        return [
            Delivery(
                msg_id=row["msg_id"],
                read_ct=row["read_ct"],
                job_id=row["job_id"],
                view=view_codec.decode(row) if row["id"] else None,
                body=row["body"],
            )
            for row in rows
        ]

    async def extend(self, leases: Sequence[HeldLease], *, lease_seconds: int) -> list[Extended]:
        parameters = {
            "msg_id": plain_array(lease.msg_id for lease in leases),
            "read_ct": plain_array(lease.read_ct for lease in leases),
            "lease_seconds": lease_seconds,
        }
        rows = await self._database.rows(statement("job_queue/extend"), parameters)
        return [
            Extended(HeldLease(row["msg_id"], row["read_ct"]), bool(row["is_cancelling"])) for row in rows
        ]

    async def delete(self, leases: Sequence[HeldLease]) -> None:
        parameters = {
            "msg_id": plain_array(lease.msg_id for lease in leases),
            "read_ct": plain_array(lease.read_ct for lease in leases),
        }
        await self._database.rows(statement("job_queue/delete"), parameters)

    async def park(self, delivery: Delivery, *, error: str) -> None:
        parameters = {"msg_id": delivery.msg_id, "read_ct": delivery.read_ct, "error": error}
        await self._database.rows(statement("job_queue/park"), parameters)
