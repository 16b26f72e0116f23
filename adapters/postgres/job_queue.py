"""The job queue over PGMQ 1.5.1 and later."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import psycopg

from adapters.postgres import json_text, started_rows, view_codec
from adapters.postgres.arrays import plain_array
from adapters.postgres.pool import Database
from adapters.postgres.statements import statement
from domain.claims import Claimer
from domain.errors import StorageUnavailable
from domain.events import AttemptStarted
from domain.ports.job_queue import Claimed, Delivery, Extended, HeldLease


class PgmqJobQueue:
    def __init__(self, database: Database, *, code_version: str) -> None:
        self._database = database
        self._code_version = code_version

    async def receive(
        self, *, limit: int, lease_seconds: int, chances_left: int | None = None
    ) -> list[Delivery]:
        parameters = {"limit": limit, "lease_seconds": lease_seconds}
        if chances_left is None:
            rows = await self._database.rows(statement("job_queue/receive"), parameters)
        else:
            parameters["chances_left"] = chances_left
            rows = await self._database.rows(statement("job_queue/receive_isolated"), parameters)
        return [delivery_of(row) for row in rows]

    async def set_apart(self, leases: Mapping[HeldLease, int]) -> None:
        parameters = {
            **_columns(leases),
            "chances_left": plain_array(leases.values()),
        }
        await self._database.rows(statement("job_queue/set_apart"), parameters)

    async def isolated_waiting(self) -> int | None:
        rows = await self._database.rows(statement("job_queue/isolated_waiting"), {})
        return rows[0]["chances_left"] if rows else None

    async def start_waiting(
        self, *, limit: int, lease_seconds: int, claimer: Claimer, command_id: str
    ) -> Claimed:
        parameters = {
            "limit": limit,
            "lease_seconds": lease_seconds,
            "worker_id": claimer.worker_id,
            "worker_id_json": json_text.canonical(claimer.worker_id),
            "compute_json": json_text.canonical(claimer.compute),
            "command_id": command_id,
            "schema_version": AttemptStarted.SCHEMA_VERSION,
            "code_version": self._code_version,
        }
        try:
            rows = await self._database.tuples(statement("job_queue/start_waiting"), parameters)
        except psycopg.DataError:
            return Claimed(started=[], others=await self.receive(limit=limit, lease_seconds=lease_seconds))
        rows.sort()
        others = [HeldLease(*row[:2]) for row in rows if row[2] is None]
        return Claimed(
            started=[started_rows.decode(row, claimer.worker_id) for row in rows if row[2]],
            others=await self._taken(others) if others else [],
        )

    async def _taken(self, leases: Sequence[HeldLease]) -> list[Delivery]:
        try:
            rows = await self._database.rows(statement("job_queue/taken"), _columns(leases))
        except StorageUnavailable:
            # What was started must not be lost with them: they come again.
            return []
        return [delivery_of(row) for row in rows]

    async def extend(self, leases: Sequence[HeldLease], *, lease_seconds: int) -> list[Extended]:
        parameters = _columns(leases) | {"lease_seconds": lease_seconds}
        rows = await self._database.rows(statement("job_queue/extend"), parameters)
        return [
            Extended(HeldLease(row["msg_id"], row["read_ct"]), bool(row["is_cancelling"])) for row in rows
        ]

    async def delete(self, leases: Sequence[HeldLease]) -> None:
        await self._database.rows(statement("job_queue/delete"), _columns(leases))

    async def park(self, delivery: Delivery, *, error: str) -> None:
        parameters = {"msg_id": delivery.msg_id, "read_ct": delivery.read_ct, "error": error}
        await self._database.rows(statement("job_queue/park"), parameters)


def _columns(leases: Iterable[HeldLease]) -> dict[str, str]:
    leases = list(leases)
    return {
        "msg_id": plain_array(lease.msg_id for lease in leases),
        "read_ct": plain_array(lease.read_ct for lease in leases),
    }


def delivery_of(row: dict[str, Any]) -> Delivery:
    return Delivery(
        msg_id=row["msg_id"],
        read_ct=row["read_ct"],
        job_id=row["job_id"],
        view=view_codec.decode(row) if row["id"] else None,
        body=row["body"],
    )
