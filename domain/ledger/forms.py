"""The forms that an export comes in: every line as JSON, as a CloudEvent or as a row of CSV, and back.

All three say the same, so all three can be verified. As CloudEvents 1.0 with the extensions authcontext,
correlation, distributed tracing, recordedtime and sequence, an event's data hold what has no attribute; what
is no event has a type of its own, under `jobledger.export.`. In CSV (RFC 4180) a cell that a spreadsheet
would take for a formula begins with an apostrophe, and so does one that began with an apostrophe before.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from itertools import chain
from typing import Any

from domain.ledger.leaves import STANDARD_JSON

Record = dict[str, Any]


class Form(StrEnum):
    NDJSON = "ndjson"
    CLOUDEVENTS = "cloudevents"
    CSV = "csv"


MEDIA_TYPES = {
    Form.NDJSON: "application/x-ndjson",
    # A CloudEvent a line; the specification has a type for one, and for a JSON array of them.
    Form.CLOUDEVENTS: "application/x-ndjson; profile=cloudevents",
    Form.CSV: "text/csv; charset=utf-8; header=present",
}

KINDS = {
    "position": "event",
    "jobledger_export": "header",
    "skipped": "skipped",
    "checkpoint": "checkpoint",
    "count": "footer",
}
"""A line of an export is of the first kind whose field it has."""

ENVELOPE = "jobledger.export."
# Wide enough for any position, so that the order of texts is the order of events.
SEQUENCE_DIGITS = 19
AUTH_TYPES = {
    "user": "app_user",
    "operator": "user",
    "auditor": "user",
    "worker": "service_account",
    "recovery": "system",
    "system": "system",
}
IN_DATA = (
    "position", "version", "schema_version", "actor", "request_id", "code_version", "facts", "payload",
    "salt", "commitment", "leaf_hash",
)  # fmt: skip
TEXT_COLUMNS = ("recorded_at", "type", "job_id", "request_id", "command_id", "traceparent", "code_version")
JSON_COLUMNS = ("position", "version", "schema_version", "facts", "payload")
PROOF_COLUMNS = ("salt", "commitment", "leaf_hash")
COLUMNS = (
    "record", "position", "recorded_at", "type", "job_id", "version", "actor_kind", "actor_id",
    "request_id", "command_id", "traceparent", "schema_version", "code_version", "facts", "payload",
    *PROOF_COLUMNS, "about",
)  # fmt: skip
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "'")


def kind_of(record: Mapping[str, Any]) -> str:
    """What a line of an export is."""
    return next((kind for mark, kind in KINDS.items() if mark in record), "unknown")


def writer(form: Form, dumps: Callable[[Any], bytes]) -> Callable[[Record], bytes]:
    """How each record of one export becomes a line, its end included; `dumps` writes JSON."""
    if form is Form.NDJSON:
        return lambda record: dumps(record) + b"\n"
    if form is Form.CLOUDEVENTS:
        source: list[str] = []

        def as_line(record: Record) -> bytes:
            source[:] = source or [_origin(record)]
            return dumps(cloud_event(record, source[0])) + b"\n"

        return as_line
    head: list[bytes] = [_csv_row(COLUMNS)]

    def as_row(record: Record) -> bytes:
        before = head.pop() if head else b""
        return before + _csv_row(csv_cells(record, dumps))

    return as_row


def read(
    lines: Iterable[bytes], loads: Callable[[bytes], Any] = STANDARD_JSON.loads
) -> Iterator[tuple[int, Record | str]]:
    """Each record of an export in any of the forms, with its line; a text says why a line is none."""
    lines = iter(lines)
    first = next(lines, b"")
    if first.startswith(b"record,"):
        yield from _read_csv(chain([first], lines), loads)
        return
    for number, raw in enumerate(chain([first], lines), start=1):
        try:
            record = loads(raw)
        except ValueError:
            yield number, "is no JSON: the file is damaged or cut off here"
            continue
        if not isinstance(record, dict):
            yield number, "is no JSON object"
            continue
        try:
            yield number, from_cloud_event(record) if "specversion" in record else record
        except (KeyError, TypeError, ValueError) as error:
            yield number, f"is no CloudEvent of an export: {error!r}"


def cloud_event(record: Record, source: str) -> Record:
    kind = kind_of(record)
    if kind != "event":
        identity = f"{kind}/{record.get('skipped', [''])[0]}"
        event_type = f"{ENVELOPE}{kind}"
        return {"specversion": "1.0", "id": identity, "source": source, "type": event_type, "data": record}
    event = {
        "specversion": "1.0",
        "id": f"{record['job_id']}/{record['version']}",
        "source": source,
        "type": record["type"],
        "subject": record["job_id"],
        "time": record["recorded_at"],
        "recordedtime": record["recorded_at"],
        "sequence": f"{record['position']:0{SEQUENCE_DIGITS}}",
        "authtype": AUTH_TYPES.get(record["actor"]["kind"], "unknown"),
        "authid": record["actor"]["id"],
        "correlationid": record["job_id"],
        "causationid": record["command_id"],
        "datacontenttype": "application/json",
        "data": {name: record[name] for name in IN_DATA},
    }
    if record["traceparent"]:
        event["traceparent"] = record["traceparent"]
    return event


def from_cloud_event(event: Record) -> Record:
    """The record that `cloud_event` was given; raises KeyError, TypeError or ValueError for another."""
    data: Record = event["data"]
    if event["type"].startswith(ENVELOPE):
        return dict(data)
    said = {
        "recordedtime": event["time"],
        "sequence": f"{data['position']:0{SEQUENCE_DIGITS}}",
        "authid": data["actor"]["id"],
        "correlationid": event["subject"],
        "id": f"{event['subject']}/{data['version']}",
    }
    for name, due in said.items():
        if event[name] != due:
            raise ValueError(f"{name} is {event[name]!r} where {due!r} is due")
    return {
        **data,
        "type": event["type"],
        "job_id": event["subject"],
        "recorded_at": event["time"],
        "command_id": event["causationid"],
        "traceparent": event.get("traceparent"),
    }


def csv_cells(record: Record, dumps: Callable[[Any], bytes]) -> list[str]:
    kind = kind_of(record)
    cells = dict.fromkeys(COLUMNS, "")
    cells["record"] = kind
    if kind != "event":
        cells["about"] = dumps(record).decode()
    else:
        cells |= {name: _cell(record[name]) for name in (*TEXT_COLUMNS, *PROOF_COLUMNS)}
        cells |= {f"actor_{name}": _cell(record["actor"][name]) for name in ("kind", "id")}
        cells |= {name: dumps(record[name]).decode() for name in JSON_COLUMNS}
    return list(cells.values())


def from_csv_cells(cells: list[str], loads: Callable[[bytes], Any] = STANDARD_JSON.loads) -> Record:
    """The record that `csv_cells` was given; raises KeyError or ValueError for another."""
    row = dict(zip(COLUMNS, cells, strict=True))
    if row["record"] != "event":
        about: Record = loads(row["about"].encode())
        return about
    record: Record = {name: _uncell(row[name]) for name in (*TEXT_COLUMNS, *PROOF_COLUMNS)}
    record |= {name: loads(row[name].encode()) for name in JSON_COLUMNS}
    return record | {"actor": {"kind": _uncell(row["actor_kind"]), "id": _uncell(row["actor_id"])}}


def _read_csv(lines: Iterable[bytes], loads: Callable[[bytes], Any]) -> Iterator[tuple[int, Record | str]]:
    rows = csv.reader((line.decode("utf-8", "replace") for line in lines), strict=True)
    if tuple(next(rows)) != COLUMNS:
        yield 1, "names other columns than an export has"
        return
    while True:
        try:
            cells = next(rows)
            yield rows.line_num, from_csv_cells(cells, loads)
        except StopIteration:
            return
        except (csv.Error, KeyError, ValueError) as error:
            yield rows.line_num, f"is no row of an export: the file is damaged or cut off here ({error})"


def _csv_row(cells: Iterable[str]) -> bytes:
    row = io.StringIO()
    csv.writer(row).writerow(cells)
    return row.getvalue().encode()


def _cell(value: str | None) -> str:
    if value is None:
        return ""
    return f"'{value}" if not value or value.startswith(FORMULA) else value


def _uncell(cell: str) -> str | None:
    return cell.removeprefix("'") if cell else None


def _origin(header: Record) -> str:
    return str(header.get("checkpoint", "")).partition("\n")[0] or "jobledger"
