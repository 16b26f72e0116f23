"""The job queue over PGMQ 1.5.1 and later."""

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

import psycopg

from adapters.postgres import json_text, view_codec
from adapters.postgres.arrays import plain_array
from adapters.postgres.pool import Database
from adapters.postgres.statements import statement
from domain.claims import Claimer
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
            "msg_id": plain_array(lease.msg_id for lease in leases),
            "read_ct": plain_array(lease.read_ct for lease in leases),
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
            rows = await self._database.rows(statement("job_queue/start_waiting"), parameters)
        except psycopg.DataError:
            return Claimed(started=[], others=await self.receive(limit=limit, lease_seconds=lease_seconds))
        rows.sort(key=itemgetter("msg_id"))
        return Claimed(
            started=[view_codec.decode(row) for row in rows if row["is_started"]],
            others=[delivery_of(row) for row in rows if not row["is_started"]],
        )

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


def delivery_of(row: dict[str, Any]) -> Delivery:
    return Delivery(
        msg_id=row["msg_id"],
        read_ct=row["read_ct"],
        job_id=row["job_id"],
        view=view_codec.decode(row) if row["id"] else None,
        body=row["body"],
    )
