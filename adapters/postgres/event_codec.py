"""Events to rows and back. The codec derives itself from the dataclasses: a new field needs nothing here."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, fields
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple, get_type_hints

import orjson

from adapters.postgres import json_text
from domain.audit import AUDIT_TYPES, AuditEvent
from domain.events import (
    EVENT_TYPES,
    PERSONAL,
    Actor,
    ActorKind,
    Cause,
    JobError,
    JobEvent,
    Provenance,
    RecordedEvent,
)
from domain.identifiers import JobId, Json
from domain.upcasting import STEPS, upcast

SALT_BYTES = 16
TEXTS_REMEMBERED = 1024


class EncodedEvent(NamedTuple):
    """`payload`, `salt` and `commitment` are None for an event that says nothing personal."""

    type: str
    schema_version: int
    facts: str
    payload: str | None
    salt: bytes | None
    commitment: bytes | None


class _Field(NamedTuple):
    name: str
    is_personal: bool
    is_json: bool
    default: Any
    encode: Callable[[Any], Any] | None
    decode: Callable[[Any], Any] | None


def timestamp(at: datetime) -> str:
    """RFC 3339 in UTC with microseconds, always of the same length."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def _codec(annotation: Any) -> tuple[Callable[[Any], Any] | None, Callable[[Any], Any] | None]:
    kinds: dict[str, tuple[Callable[[Any], Any] | None, Callable[[Any], Any] | None]] = {
        "datetime": (timestamp, datetime.fromisoformat),
        "Cause": (None, Cause),
        "JobError": (asdict, lambda value: JobError(**value)),
        "tuple": (list, tuple),
    }
    text = str(annotation)
    return next((kind for word, kind in kinds.items() if word in text), (None, None))


def _fields_of(event_type: type[JobEvent | AuditEvent]) -> list[_Field]:
    hints = get_type_hints(event_type)
    found = []
    for field in fields(event_type):
        is_json = hints[field.name] == Json
        encode, decode = (None, None) if is_json else _codec(hints[field.name])
        personal = bool(field.metadata.get(PERSONAL))
        found.append(_Field(field.name, personal, is_json, field.default, encode, decode))
    return found


class _Encoding(NamedTuple):
    """How an event is stored: `facts` gives their canonical text."""

    name: str
    facts: Callable[[JobEvent | AuditEvent], str]
    personal: list[_Field]


def _encoding_of(event_type: type[JobEvent | AuditEvent]) -> _Encoding:
    of_all = _FIELDS[event_type.__name__]
    personal = [field for field in of_all if field.is_personal]
    # The facts of a user's submissions of one type are the same again and again. An audit event's may be
    # objects.
    is_remembered = event_type.__name__ in EVENT_TYPES
    facts = _writer_of([field for field in of_all if not field.is_personal], is_remembered=is_remembered)
    return _Encoding(event_type.__name__, facts, personal)


def _writer_of(fields_: list[_Field], *, is_remembered: bool) -> Callable[[JobEvent | AuditEvent], str]:
    def text_of(*values: Any) -> str:
        facts: dict[str, Any] = {}
        for field, value in zip(fields_, values, strict=True):
            if value is None:
                continue
            if field.is_json:
                json_text.put(facts, field.name, value)
            else:
                facts[field.name] = field.encode(value) if field.encode else value
        return json_text.canonical(facts)

    write = lru_cache(TEXTS_REMEMBERED)(text_of) if is_remembered else text_of
    names = [field.name for field in fields_]
    return lambda event: write(*[getattr(event, name) for name in names])


class _Decoding(NamedTuple):
    """How an event is made of what is stored: `readers` by stored key, `blank` what absent facts are."""

    event_type: type[JobEvent]
    readers: dict[str, tuple[str, Callable[[Any], Any] | None]]
    blank: dict[str, Any]


def _decoding_of(name: str) -> _Decoding:
    readers: dict[str, tuple[str, Callable[[Any], Any] | None]] = {}
    for field in _FIELDS[name]:
        decode_value = field.decode
        readers[field.name] = (field.name, decode_value)
        readers[f"{field.name}_text"] = (field.name, _from_text(decode_value))
    return _Decoding(
        EVENT_TYPES[name], readers, {field.name: None for field in _FIELDS[name] if not field.is_personal}
    )


def _from_text(decode_value: Callable[[Any], Any] | None) -> Callable[[Any], Any]:
    if decode_value is None:
        return json.loads
    return lambda text: decode_value(json.loads(text))


_FIELDS = {name: _fields_of(event_type) for name, event_type in (EVENT_TYPES | AUDIT_TYPES).items()}
_DECODING = {name: _decoding_of(name) for name in EVENT_TYPES}
_ENCODING = {event_type: _encoding_of(event_type) for event_type in (EVENT_TYPES | AUDIT_TYPES).values()}
_ACTOR_KINDS = {kind.value: kind for kind in ActorKind}


def encode(event: JobEvent | AuditEvent, salt: bytes, *, written: str | None = None) -> EncodedEvent:
    """The stored form. A field that is None, and a personal one at its default, is not stored at all.

    `written` is the canonical text of the event's JSON value, where somebody has it already.
    """
    encoding = _ENCODING[type(event)]
    facts = encoding.facts(event)
    payload: dict[str, Any] = {}
    for field in encoding.personal:
        value = getattr(event, field.name)
        if value is None or value == field.default:
            continue
        if field.is_json:
            json_text.put(payload, field.name, value, written=written)
        else:
            json_text.put(payload, field.name, field.encode(value) if field.encode else value)
    if not payload:
        return EncodedEvent(encoding.name, event.SCHEMA_VERSION, facts, None, None, None)
    text = json_text.canonical(payload)
    return EncodedEvent(encoding.name, event.SCHEMA_VERSION, facts, text, salt, commit(salt, text))


def commit(salt: bytes, payload: str) -> bytes:
    """SHA-256(salt ‖ payload): binding, and says nothing about the payload once the salt is gone."""
    return hashlib.sha256(salt + payload.encode()).digest()


def decode(row: dict[str, Any]) -> RecordedEvent:
    """The event of a row of `job_events`, upcast to its type's present schema."""
    payload = row["payload"]
    return RecordedEvent(
        job_id=JobId(row["job_id"]),
        version=row["version"],
        event=decode_event(row["type"], row["schema_version"], row["facts"] | (payload or {})),
        provenance=Provenance(
            actor=Actor(_ACTOR_KINDS[row["actor_kind"]], row["actor_id"]),
            command_id=row["command_id"],
            request_id=row["request_id"],
            traceparent=row["traceparent"],
        ),
        recorded_at=row["recorded_at"],
        schema_version=row["schema_version"],
        code_version=row["code_version"],
        commitment=row["commitment"],
        is_erased=row["commitment"] is not None and payload is None,
    )


def decode_event(event_type: str, schema_version: int, stored: dict[str, Any]) -> JobEvent:
    """What facts and payload, put together, say; raises KeyError, TypeError or ValueError for no event."""
    if STEPS:
        stored = upcast(event_type, schema_version, stored)
    decoding = _DECODING[event_type]
    values = decoding.blank.copy()
    readers = decoding.readers
    # Over what is stored, which is a third of what could be.
    for key, value in stored.items():
        if value is not None and (reader := readers.get(key)):
            name, decode_value = reader
            values[name] = decode_value(value) if decode_value else value
    return decoding.event_type(**values)


def loads(text: bytes | bytearray | memoryview | str) -> Any:
    return orjson.loads(bytes(text) if isinstance(text, memoryview) else text)
