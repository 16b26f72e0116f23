"""The lines of an export, as `verifier.py` describes them: one function a kind, and an event's way back."""

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from domain.ledger.leaves import Envelope, canonical

FORMAT = 1


class SealedEvent(NamedTuple):
    """An event at its place in the ledger; `payload`, canonical text, is gone with its salt once erased."""

    position: int
    leaf_hash: bytes
    envelope: Envelope
    payload: str | None = None
    salt: bytes | None = None


def event_fields(event: SealedEvent) -> dict[str, Any]:
    """The JSON form of an event, the same in feed and export; hashes are base64, commitment and salt hex."""
    envelope = event.envelope
    return {
        "position": event.position,
        "job_id": envelope.job_id,
        "version": envelope.version,
        "type": envelope.type,
        "schema_version": envelope.schema_version,
        "recorded_at": envelope.recorded_at,
        "actor": {"kind": envelope.actor_kind, "id": envelope.actor_id},
        "request_id": envelope.request_id,
        "command_id": envelope.command_id,
        "traceparent": envelope.traceparent,
        "code_version": envelope.code_version,
        "facts": json.loads(envelope.facts),
        "payload": None if event.payload is None else json.loads(event.payload),
        "salt": None if event.salt is None else event.salt.hex(),
        "commitment": None if envelope.commitment is None else envelope.commitment.hex(),
        "leaf_hash": base64.b64encode(event.leaf_hash).decode(),
    }


def envelope_of(fields: Mapping[str, Any], written: Callable[[Any], str] = canonical) -> Envelope:
    """The envelope that these fields say, its facts `written` canonically.

    Raises KeyError, TypeError or ValueError where they say none.
    """
    actor = fields["actor"]
    commitment = fields["commitment"]
    version, schema_version = fields["version"], fields["schema_version"]
    if type(version) is not int or type(schema_version) is not int:
        raise TypeError("versions are integers")
    return Envelope(
        fields["job_id"],
        version,
        fields["type"],
        schema_version,
        fields["recorded_at"],
        actor["kind"],
        actor["id"],
        fields["request_id"],
        fields["command_id"],
        fields["traceparent"],
        fields["code_version"],
        written(fields["facts"]),
        None if commitment is None else bytes.fromhex(commitment),
    )


def header_fields(checkpoint: str, first: int, about: Mapping[str, Any]) -> dict[str, Any]:
    """`first` is the position of the tree's first leaf.

    `about` is what is said of the export: filter, range, who made it and when. It is not proven.
    """
    return {"jobledger_export": FORMAT, "checkpoint": checkpoint, "first": first, **about}


def skipped_fields(first: int, last: int, hashes: Iterable[bytes]) -> dict[str, Any]:
    """`hashes` are those of the `proofs.cover` of the positions from `first` to `last`."""
    return {"skipped": [first, last], "hashes": [base64.b64encode(item).decode() for item in hashes]}


def footer_fields(count: int, positions: int) -> dict[str, Any]:
    return {"count": count, "positions": positions}


def line(fields: Mapping[str, Any]) -> bytes:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
