"""How events are stored: what was ever written can be read, and what is read is what was written."""

import json
from dataclasses import fields
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.postgres import event_codec, json_text
from domain.audit import AUDIT_TYPES
from domain.events import EVENT_TYPES, Cause, JobCompleted, JobError, JobEvent, JobSubmitted
from domain.identifiers import Json, MessageId, UserId, WorkerId
from domain.ledger.leaves import canonical
from domain.upcasting import STEPS
from tests.builders import NOW

GOLDEN = Path(__file__).parents[2] / "golden"
SALT = bytes(range(16))
ALL_TYPES: dict[str, Any] = {**EVENT_TYPES, **AUDIT_TYPES}

json_values: st.SearchStrategy[Json] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def row_of(event: JobEvent) -> dict[str, Any]:
    encoded = event_codec.encode(event, SALT)
    return {
        "job_id": "019a0000-0000-7000-8000-000000000000",
        "command_id": "019a0000-0000-7000-8000-000000000001",
        "version": 1,
        "type": encoded.type,
        "schema_version": encoded.schema_version,
        "facts": event_codec.loads(encoded.facts),
        "payload": event_codec.loads(encoded.payload) if encoded.payload else None,
        "commitment": encoded.commitment,
        "actor_kind": "user",
        "actor_id": "user-1",
        "request_id": None,
        "traceparent": None,
        "recorded_at": NOW,
        "code_version": "1",
    }


def sample(event_type: Any) -> Any:
    """An event of the type with something in every field."""
    by_name: dict[str, Any] = {
        "user_id": UserId("user-1"),
        "job_type": "sample_task",
        "priority": 3,
        "run_at": NOW,
        "max_attempts": 3,
        "max_lost_attempts": 2,
        "timeout_seconds": 60,
        "job_parameters": {"steps": 3, "note": "Ünïcödé"},
        "tags": ("blue", "green"),
        "on_behalf_of": "customer-7",
        "unique_key": "invoice-1",
        "idempotency_key": "key-1",
        "fingerprint": "ab" * 32,
        "group_key": "customer-9",
        "kind": "group",
        "queue": "sample_task",
        "concurrency": 10,
        "starts": 5,
        "per_seconds": 60,
        "burst": 2,
        "weight": 3,
        "compute": "local",
        "call_id": "fc-1",
        "attempt": 1,
        "worker_id": WorkerId("019a0000-0000-7000-8000-000000000002"),
        "msg_id": MessageId(7),
        "read_ct": 1,
        "percent": 50,
        "message": "half",
        "result": {"sum": 3},
        "data_references": ("s3://bucket/key",),
        "cause": Cause.FAILED,
        "retry_at": NOW,
        "error": JobError(type="ValueError", message="no", retryable=False),
        "reason": "asked to",
        "outcome": "JobCompleted",
        "month": "2026-01",
        "file": "jobledger-2026-01.ndjson.gz",
        "sha256": "00",
        "jobs": 2,
        "events": 5,
        "digest": "cd" * 32,
        "through_version": 3,
        "basis": "request 17",
        "scanned": 7,
        "silent_for_seconds": 900,
        "acted_count": 1,
        "skipped_count": 1,
        "months_made": 1,
        "acted": ({"job_id": "j", "suspicion": "stuck", "event": "JobFailed"},),
        "skipped": ({"job_id": "k", "suspicion": "orphaned", "reason": "it moved on meanwhile"},),
        "method": "POST",
        "route": "/jobs/{job_id}/cancel",
        "status": 409,
        "problem": "illegal-transition",
        "unrecorded": 2,
        "job_id": "019a0000-0000-7000-8000-000000000003",
        "detail": "A job that is completed cannot be asked to cancel.",
        "query": "type=JobFailed",
        "origin": "jobledger.example/log",
        "size": 100,
        "first_position": 1,
        "last_position": 90,
        "form": "ndjson",
        "filter": {"type": "JobFailed"},
        "keys": ("jobledger.example/log+0a0b0c0d+AQ==",),
        "added": ("jobledger.example/log+0a0b0c0d+AQ==",),
        "retired": ("jobledger.example/log+01020304+AQ==",),
        "checkpoint": "jobledger.example/log\n20\nAAAA\n",
        "kept_origin": "jobledger.example/log",
        "kept_size": 17,
        "kept_root": "AAAA",
        "from_revision": "0003",
        "from_transaction": 812,
        "to_transaction": 40511,
        "to_revision": "0004",
        "endpoint_id": "019a0000-0000-7000-8000-000000000004",
        "change": "disabled",
        "schedule_id": "019a0000-0000-7000-8000-000000000005",
        "version": 2,
        "cron": "30 2 * * *",
        "time_zone": "Europe/Berlin",
        "missed_runs": "once",
        "overlap": "allow",
        "count": 3,
        "first_at": NOW,
        "last_at": NOW,
        "why": "missed",
    }
    return event_type(**{field.name: by_name[field.name] for field in fields(event_type)})


@pytest.mark.parametrize("name", sorted(EVENT_TYPES))
def test_an_event_reads_back_as_it_was_written(name: str) -> None:
    event = sample(EVENT_TYPES[name])

    assert event_codec.decode(row_of(event)).event == event


@pytest.mark.parametrize("name", sorted(EVENT_TYPES))
def test_an_erased_event_keeps_its_facts(name: str) -> None:
    event = sample(EVENT_TYPES[name])
    erased = event_codec.decode(row_of(event) | {"payload": None})
    facts = event_codec.loads(event_codec.encode(event, SALT).facts)

    assert event_codec.loads(event_codec.encode(erased.event, SALT).facts) == facts
    assert event_codec.encode(erased.event, SALT).payload is None


@given(json_values)
def test_any_json_comes_back_exactly(value: Json) -> None:
    event = JobCompleted(attempt=1, result=value)

    read = event_codec.decode(row_of(event)).event
    assert read == event
    # 1 == 1.0 == True in Python, but not in JSON; only the order of keys is nobody's promise.
    assert isinstance(read, JobCompleted)
    assert json.dumps(read.result, sort_keys=True) == json.dumps(value, sort_keys=True)


@given(json_values)
def test_what_is_stored_is_within_the_canonical_subset(value: Json) -> None:
    payload = event_codec.encode(JobCompleted(attempt=1, result=value), SALT).payload

    if payload is not None:
        assert "\\u0000" not in payload.replace("\\\\", "")
        again = json.dumps(json.loads(payload), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert again == payload
        json.loads(payload, parse_float=lambda text: pytest.fail(f"{text} is a float"))


def test_the_commitment_is_of_salt_and_payload() -> None:
    encoded = event_codec.encode(JobCompleted(attempt=1, result={"b": 1, "a": 2}), SALT)

    assert encoded.payload == '{"result":{"a":2,"b":1}}'
    assert encoded.commitment == sha256(SALT + b'{"result":{"a":2,"b":1}}').digest()


def test_an_event_that_says_nothing_personal_has_no_payload() -> None:
    encoded = event_codec.encode(JobCompleted(attempt=1), SALT)

    assert encoded[3:] == (None, None, None)


def test_a_value_beyond_the_subset_is_kept_as_text() -> None:
    target: dict[str, Any] = {}
    json_text.put(target, "ratio", 0.1)
    json_text.put(target, "count", 2**70)
    json_text.put(target, "plain", 7)

    assert target == {"ratio_text": "0.1", "count_text": str(2**70), "plain": 7}


@pytest.mark.parametrize("name", sorted(EVENT_TYPES))
def test_a_golden_sample_of_every_type_and_schema_version_still_reads(name: str) -> None:
    event_type = EVENT_TYPES[name]
    for schema_version in range(1, event_type.SCHEMA_VERSION + 1):
        golden = json.loads((GOLDEN / f"{name}.{schema_version}.json").read_text())
        row = row_of(sample(event_type)) | {
            "schema_version": schema_version,
            "facts": golden["facts"],
            "payload": golden["payload"],
        }
        event = event_codec.decode(row).event

        assert isinstance(event, event_type)


@pytest.mark.parametrize("name", sorted(ALL_TYPES))
def test_a_changed_event_type_needs_a_new_schema_version(name: str) -> None:
    """The golden sample of the present version is exactly what is written today."""
    encoded = event_codec.encode(sample(ALL_TYPES[name]), SALT)
    golden = json.loads((GOLDEN / f"{name}.{encoded.schema_version}.json").read_text())

    assert golden["facts"] == event_codec.loads(encoded.facts)
    assert golden["payload"] == (event_codec.loads(encoded.payload) if encoded.payload else None)


def test_a_golden_sample_that_was_kept_is_never_changed() -> None:
    """Whoever changes a sample instead of adding one has to change its digest too, and is seen to."""
    kept = json.loads((GOLDEN / "digests").read_text())
    samples = {name: json.loads((GOLDEN / name).read_text()) for name in kept}

    assert {name: sha256(canonical(sample).encode()).hexdigest() for name, sample in samples.items()} == kept
    assert {f"{name}.1.json" for name in EVENT_TYPES} <= kept.keys()


def test_every_older_schema_version_has_a_step_to_the_next_and_no_other_has() -> None:
    older = {(name, version) for name, kind in ALL_TYPES.items() for version in range(1, kind.SCHEMA_VERSION)}

    assert older == STEPS.keys()


def test_an_old_event_is_read_as_todays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STEPS, ("JobCompleted", -1), lambda stored: {"attempt": stored["number"]})
    monkeypatch.setitem(STEPS, ("JobCompleted", 0), lambda stored: stored | {"result": 7})
    row = row_of(JobCompleted(attempt=1)) | {"schema_version": -1, "facts": {"number": 4}}

    assert event_codec.decode(row).event == JobCompleted(attempt=4, result=7)


def test_no_golden_sample_is_left_behind() -> None:
    expected = {
        f"{name}.{version}.json"
        for name, kind in ALL_TYPES.items()
        for version in range(1, kind.SCHEMA_VERSION + 1)
    }

    assert {path.name for path in GOLDEN.glob("*.json")} == expected


def test_a_submission_with_defaults_stores_no_empty_fields() -> None:
    event = JobSubmitted(
        user_id=UserId("u"),
        job_type="t",
        priority=0,
        run_at=None,
        max_attempts=1,
        max_lost_attempts=0,
        timeout_seconds=None,
        job_parameters={},
    )
    encoded = event_codec.encode(event, SALT)

    assert (
        encoded.facts == '{"job_type":"t","max_attempts":1,"max_lost_attempts":0,"priority":0,"user_id":"u"}'
    )
    assert encoded.payload == '{"job_parameters":{}}'
