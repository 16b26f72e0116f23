"""The leaf of an event: its envelope and facts as RFC 8785 canonical JSON, and never its payload.

The payload is represented by its commitment, so that leaf and proofs outlive an erasure. Stored JSON holds
no floats and no keys beyond the basic plane, so sorted compact JSON is RFC 8785.
"""

import hashlib
import json
from collections.abc import Callable
from json.encoder import encode_basestring
from typing import Any, NamedTuple

from domain.ledger.merkle import leaf_hash

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


class Envelope(NamedTuple):
    """What the ledger commits to of one event.

    `recorded_at` is RFC 3339 in UTC with microseconds and `Z`; `facts` is their canonical text, exactly as
    it is stored; `commitment` is None for an event that never had a payload.
    """

    job_id: str
    version: int
    type: str
    schema_version: int
    recorded_at: str
    actor_kind: str
    actor_id: str
    request_id: str | None
    command_id: str
    traceparent: str | None
    code_version: str
    facts: str
    commitment: bytes | None


def leaf(envelope: Envelope) -> bytes:
    """The canonical JSON object that is hashed.

    Its keys: actor {id, kind}, code_version, command_id, commitment (hex or null), facts, job_id,
    recorded_at, request_id, schema_version, traceparent, type, version.
    """
    # Put together by hand because the sealer makes every event's: json.dumps would take three times as long.
    text = encode_basestring
    (job_id, version, event_type, schema_version, recorded_at, actor_kind, actor_id, request_id, command_id,
     traceparent, code_version, facts, commitment) = envelope  # fmt: skip
    return (
        f'{{"actor":{{"id":{text(actor_id)},"kind":{text(actor_kind)}}},"code_version":{text(code_version)},'
        f'"command_id":{text(command_id)},'
        f'"commitment":{"null" if commitment is None else text(commitment.hex())},"facts":{facts},'
        f'"job_id":{text(job_id)},"recorded_at":{text(recorded_at)},'
        f'"request_id":{"null" if request_id is None else text(request_id)},'
        f'"schema_version":{schema_version},'
        f'"traceparent":{"null" if traceparent is None else text(traceparent)},'
        f'"type":{text(event_type)},"version":{version}}}'
    ).encode()


def hash_envelope(envelope: Envelope) -> bytes:
    """The event's leaf hash."""
    return leaf_hash(leaf(envelope))


def canonical(value: Any) -> str:
    """RFC 8785, on the subset of JSON that is stored."""
    return _ENCODER.encode(value)


class JsonText(NamedTuple):
    """One way of reading JSON and of writing it as `canonical` does; there are faster ones than the first.

    `loads` raises ValueError for what is no JSON, `canonical` TypeError or ValueError for what is not stored.
    """

    loads: Callable[[bytes], Any]
    canonical: Callable[[Any], str]


# Decoded here, because json would look for the encoding of every line.
STANDARD_JSON = JsonText(lambda text: json.loads(str(text, "utf-8")), canonical)


def commitment_of(salt: bytes, payload: str) -> bytes:
    """SHA-256(salt ‖ canonical payload)."""
    return hashlib.sha256(salt + payload.encode()).digest()
