"""Runs the migrations in one transaction, under a lock, so that ten replicas may start at once."""

import os
from importlib.metadata import version
from typing import Any

from alembic import context
from sqlalchemy import create_engine, pool, text

from adapters.postgres import event_codec
from adapters.postgres.statements import statement
from adapters.system import Uuid7Ids
from domain.audit import SchemaMigrated
from domain.events import ActorKind

# The lock's number means nothing; it only has to be ours. Held until the transaction ends.
LOCK = "SELECT pg_advisory_xact_lock(4823760011)"


def run() -> None:
    engine = create_engine(context.config.attributes["url"], poolclass=pool.NullPool)
    with engine.connect() as connection, connection.begin():
        connection.execute(text(LOCK))
        connection.execute(text("CREATE SCHEMA IF NOT EXISTS jobledger"))
        context.configure(connection=connection, version_table_schema="jobledger")
        before = context.get_context().get_current_revision()
        context.run_migrations()
        after = context.get_context().get_current_revision()
        # The first one makes the history that the others are recorded in.
        if before and after and before != after:
            _record(connection.connection.driver_connection, before, after)


def _record(connection: Any, before: str, after: str) -> None:
    event = SchemaMigrated(from_revision=before, to_revision=after)
    encoded = event_codec.encode(event, os.urandom(event_codec.SALT_BYTES))
    parameters = encoded._asdict() | {
        "stream_id": Uuid7Ids().job_id(),
        "command_id": Uuid7Ids().command_id(),
        "actor_kind": ActorKind.OPERATOR.value,
        "actor_id": "jobledger-migrate",
        "request_id": None,
        "traceparent": None,
        "code_version": version("jobledger"),
    }
    connection.execute(statement("audit_trail/record"), parameters)


run()
