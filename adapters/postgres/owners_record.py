"""What the schema's owner did, recorded on the owner's own connection."""

import os
from importlib.metadata import version
from typing import Any

import psycopg

from adapters.postgres import event_codec
from adapters.postgres.statements import statement
from adapters.system import Uuid7Ids
from domain.audit import AuditEvent
from domain.events import ActorKind

ACTOR = "jobledger-migrate"


def record(connection: psycopg.Connection[Any], event: AuditEvent) -> None:
    """Append the event as a stream of its own, in the connection's transaction."""
    encoded = event_codec.encode(event, os.urandom(event_codec.SALT_BYTES))
    parameters = encoded._asdict() | {
        "stream_id": Uuid7Ids().job_id(),
        "command_id": Uuid7Ids().command_id(),
        "actor_kind": ActorKind.OPERATOR.value,
        "actor_id": ACTOR,
        "request_id": None,
        "traceparent": None,
        "code_version": version("jobledger"),
    }
    connection.execute(statement("audit_trail/record"), parameters)
