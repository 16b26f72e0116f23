"""Audit events in PostgreSQL: in the events' own table, each as a stream of one."""

import os
from typing import Any

from adapters.postgres import event_codec
from adapters.postgres.pool import Database
from adapters.postgres.statements import statement
from domain.audit import AuditEvent
from domain.events import Provenance
from domain.identifiers import JobId
from domain.ports.system import Ids


class PostgresAuditTrail:
    def __init__(self, database: Database, ids: Ids, *, code_version: str) -> None:
        self._database = database
        self._ids = ids
        self._code_version = code_version

    async def record(
        self, event: AuditEvent, provenance: Provenance, *, once_as: JobId | None = None
    ) -> None:
        await self._database.rows(statement("audit_trail/record"), self.row(event, provenance, once_as))

    def row(self, event: AuditEvent, provenance: Provenance, once_as: JobId | None = None) -> dict[str, Any]:
        """What the statement needs, for whoever records within a transaction of their own."""
        parameters: dict[str, Any] = event_codec.encode(event, os.urandom(event_codec.SALT_BYTES))._asdict()
        return parameters | {
            "stream_id": once_as or self._ids.job_id(),
            "command_id": provenance.command_id,
            "actor_kind": provenance.actor.kind.value,
            "actor_id": provenance.actor.id,
            "request_id": provenance.request_id,
            "traceparent": provenance.traceparent,
            "code_version": self._code_version,
        }
