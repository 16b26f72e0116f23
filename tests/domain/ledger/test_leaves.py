import hashlib
import json
from pathlib import Path

import pytest

from adapters.postgres import json_text
from domain.ledger.leaves import Envelope, canonical, commitment_of, hash_envelope, leaf

FACTS = '{"attempt":1,"worker_id":"w-1"}'
ENVELOPE = Envelope(
    job_id="0197d2a0-0000-7000-8000-000000000001",
    version=2,
    type="AttemptStarted",
    schema_version=1,
    recorded_at="2026-06-01T12:00:00.000001Z",
    actor_kind="worker",
    actor_id='wörker "1"\n\x1f',
    request_id=None,
    command_id="0197d2a0-0000-7000-8000-000000000002",
    traceparent=None,
    code_version="0.1.0",
    facts=FACTS,
    commitment=None,
)


def test_the_leaf_is_the_canonical_json_of_the_envelope() -> None:
    fields = ENVELOPE._asdict() | {
        "actor": {"kind": ENVELOPE.actor_kind, "id": ENVELOPE.actor_id},
        "facts": json.loads(FACTS),
        "request_id": "r-1",
        "traceparent": "00-ab-cd-01",
        "commitment": "ab" * 32,
    }
    del fields["actor_kind"], fields["actor_id"]
    full = ENVELOPE._replace(request_id="r-1", traceparent="00-ab-cd-01", commitment=b"\xab" * 32)

    assert leaf(full).decode() == canonical(fields)
    assert leaf(ENVELOPE).decode() == canonical(
        fields | {"request_id": None, "traceparent": None, "commitment": None}
    )


def test_a_leaf_is_the_same_for_ever() -> None:
    assert hash_envelope(ENVELOPE).hex() == "60a7118a72c9af475e2077d5d26a5368d74356ce0b822e628b5452bc10df7c65"
    assert hash_envelope(ENVELOPE) == hashlib.sha256(b"\0" + leaf(ENVELOPE)).digest()


@pytest.mark.parametrize(
    "change",
    [
        {"job_id": "other"},
        {"version": 3},
        {"type": "JobCompleted"},
        {"schema_version": 2},
        {"recorded_at": "2026-06-01T12:00:00.000002Z"},
        {"actor_kind": "user"},
        {"actor_id": "other"},
        {"request_id": "null"},
        {"command_id": "other"},
        {"traceparent": "null"},
        {"code_version": "0.1.1"},
        {"facts": '{"attempt":2,"worker_id":"w-1"}'},
        {"commitment": b"\0" * 32},
    ],
)
def test_every_field_is_committed_to(change: dict[str, object]) -> None:
    assert hash_envelope(ENVELOPE._replace(**change)) != hash_envelope(ENVELOPE)  # type: ignore[arg-type]


def test_canonical_json_is_that_of_rfc_8785() -> None:
    """The strings and literals of the RFC's section 3.2.2, and control characters as 3.2.2.2 has them."""
    value = {"string": '€$\x0f\nA\'B"\\\\"/', "literals": [None, True, False], "a": {"ö": 1, "b": -5}}

    assert canonical(value) == (
        '{"a":{"b":-5,"ö":1},"literals":[null,true,false],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )
    assert canonical("\x7f\b\f\r\t") == '"\x7f\\b\\f\\r\\t"'


def test_a_commitment_covers_salt_and_payload() -> None:
    committed = commitment_of(b"salt", '{"reason":"why"}')

    assert committed == hashlib.sha256(b'salt{"reason":"why"}').digest()
    assert commitment_of(b"tlas", '{"reason":"why"}') != committed


def test_canonical_json_is_the_text_that_the_store_keeps() -> None:
    samples = [json.loads(path.read_text()) for path in sorted(Path("tests/golden").glob("*.json"))]

    assert [canonical(sample) for sample in samples] == [json_text.canonical(sample) for sample in samples]
    assert len(samples) > 10
