"""Taking months out of PostgreSQL, as the owner of the tables."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import psycopg

from adapters.postgres.audit_trail import PostgresAuditTrail
from adapters.postgres.pool import Connection, Database, fetch
from adapters.postgres.statements import statement
from domain.audit import AuditEvent
from domain.errors import StorageUnavailable
from domain.events import Provenance
from domain.ledger.leaves import Envelope, hash_envelope
from domain.ledger.lines import SealedEvent
from domain.ports.archive import ArchivedMonth, LiveMonth, MonthChanged, MonthNotSealed

PAGE = 2000
MAX_TRIES = 10
# To detach, the parent is locked against everybody: whoever waits for it makes all others wait.
LOCK_WAIT = b"SET LOCAL lock_timeout = '2s'"


class PostgresArchive:
    """`database` is a connection of the owner's; nothing of it outlives a transaction."""

    def __init__(self, database: Database, audit: PostgresAuditTrail) -> None:
        self._database = database
        self._audit = audit

    async def live(self, *, before: date) -> list[LiveMonth]:
        rows = await self._database.rows(statement("archive/live"), {"before": before})
        return [LiveMonth(**row) for row in rows]

    async def snapshot(self) -> str:
        (row,) = await self._database.rows(statement("archive/snapshot"), {})
        return str(row["snapshot"])

    async def events(self, month: date) -> AsyncIterator[list[SealedEvent]]:
        parameters: dict[str, Any] = {"month": month, "after_job": None, "after_version": 0, "limit": PAGE}
        while rows := await self._database.rows(statement("archive/events"), parameters):
            yield [_event(row) for row in rows]
            parameters |= {"after_job": rows[-1]["job_id"], "after_version": rows[-1]["version"]}

    async def detach(
        self, month: ArchivedMonth, *, unchanged_since: str, record: AuditEvent, provenance: Provenance
    ) -> None:
        for _ in range(MAX_TRIES):
            try:
                async with self._database.connection() as connection, connection.transaction():
                    await self._detach(connection, month, unchanged_since)
                    await self._record(connection, record, provenance)
            # Somebody read the parent for long, or waited for a job of this month while we waited for them.
            except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
                continue
            return
        raise StorageUnavailable("The history is in constant use: it cannot be detached now; try again.")

    async def _detach(self, connection: Connection, month: ArchivedMonth, unchanged_since: str) -> None:
        await connection.execute(LOCK_WAIT)
        parameters = month._asdict() | {"snapshot": unchanged_since}
        (gone,) = await fetch(connection, statement("archive/delete_jobs"), parameters)
        (found,) = await fetch(connection, statement("archive/is_unchanged"), parameters)
        if gone["unended"] or gone["jobs"] != month.jobs or not found["is_unchanged"]:
            raise MonthChanged
        if not found["is_sealed"]:
            raise MonthNotSealed
        await fetch(connection, statement("archive/remember"), parameters)
        await fetch(connection, statement("archive/detach"), parameters)

    async def _record(self, connection: Connection, record: AuditEvent, provenance: Provenance) -> None:
        await fetch(connection, statement("audit_trail/record"), self._audit.row(record, provenance))

    async def drop(self, month: date, *, record: AuditEvent, provenance: Provenance) -> None:
        async with self._database.connection() as connection, connection.transaction():
            await fetch(connection, statement("archive/drop"), {"month": month})
            await self._record(connection, record, provenance)


def _event(row: dict[str, Any]) -> SealedEvent:
    payload, salt = row.pop("payload"), row.pop("salt")
    envelope = Envelope(**row)
    return SealedEvent(0, hash_envelope(envelope), envelope, payload, salt)
