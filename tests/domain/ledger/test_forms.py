"""An export says the same in every form, and a spreadsheet takes nothing in it for a formula."""

import csv
import io
import json
from typing import Any

import pytest

from adapters.ed25519 import check_ed25519
from domain.ledger.forms import COLUMNS, Form, read, writer
from domain.ledger.lines import SealedEvent
from domain.ledger.verifier import verify
from domain.ports.ledger_reading import EVERYTHING, EventFilter
from domain.use_cases.export import Export, begin, export
from tests.fakes.ledger import ORIGIN, ListedLedger, histories, job, sealed

Lines = list[dict[str, Any]]


def dumps(value: Any) -> bytes:
    return json.dumps(value).encode()


async def exported(source: ListedLedger, which: EventFilter = EVERYTHING) -> Lines:
    asked = Export(which)
    tree = await begin(source, asked)
    return [fields async for fields in export(source, tree, asked, about={"filter": {}})]


def written(form: Form, records: Lines) -> bytes:
    write = writer(form, dumps)
    return b"".join(write(record) for record in records)


@pytest.mark.parametrize("form", list(Form))
@pytest.mark.parametrize("which", [EVERYTHING, EventFilter(type="JobCompleted")])
async def test_every_form_reads_back_as_what_was_written_and_holds(form: Form, which: EventFilter) -> None:
    source = ListedLedger(histories(20), sizes=(30, 100))
    records = await exported(source, which)
    lines = io.BytesIO(written(form, records))

    assert [record for _, record in read(lines)] == records
    lines.seek(0)
    assert verify(lines, [source.key], check_ed25519).findings == []


@pytest.mark.parametrize("form", list(Form))
async def test_a_change_in_any_form_is_found_at_its_line(form: Form) -> None:
    source = ListedLedger(histories(20))
    records = await exported(source)
    records[7]["actor"]["id"] = "eve"
    (found,) = verify(io.BytesIO(written(form, records)), [source.key], check_ed25519).findings

    assert (found.position, found.line) == (7, 9 if form is Form.CSV else 8)


@pytest.mark.parametrize("form", list(Form))
async def test_a_file_that_was_cut_off_does_not_hold(form: Form) -> None:
    source = ListedLedger(histories(20))
    whole = written(form, await exported(source))
    for length in (len(whole) - 9, len(whole) // 2, 40):
        assert verify(io.BytesIO(whole[:length]), [source.key], check_ed25519).findings


def hostile(text: str) -> SealedEvent:
    event = sealed(1, job(1), 1, "JobSubmitted", {"user_id": text}, {"tags": [text]})
    return event._replace(envelope=event.envelope._replace(actor_id=text, request_id=text))


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "'=1", "'", "", 'a,"b"\n=c', "plain"]
)
async def test_no_cell_is_a_formula_and_each_comes_back(text: str) -> None:
    records = await exported(ListedLedger([hostile(text)]))
    content = written(Form.CSV, records)
    rows = list(csv.reader(io.StringIO(content.decode(), newline="")))

    assert tuple(rows[0]) == COLUMNS
    formulas = ("=", "+", "-", "@", "\t", "\r", "\n")
    assert not [cell for row in rows for cell in row if cell.startswith(formulas)]
    assert [record for _, record in read(io.BytesIO(content))] == records


async def test_a_cloud_event_names_who_when_where_and_why() -> None:
    records = await exported(ListedLedger(histories(1)))
    events = [json.loads(line) for line in written(Form.CLOUDEVENTS, records).splitlines()]
    event = events[3]

    assert {name: value for name, value in event.items() if name != "data"} == {
        "specversion": "1.0",
        "id": f"{job(0)}/3",
        "source": ORIGIN,
        "type": "AttemptFailed",
        "subject": job(0),
        "time": "2026-06-01T12:00:00.003000Z",
        "recordedtime": "2026-06-01T12:00:00.003000Z",
        "sequence": "0000000000000000003",
        "authtype": "app_user",
        "authid": "user-1",
        "correlationid": job(0),
        "causationid": records[3]["command_id"],
        "datacontenttype": "application/json",
    }
    assert [event["type"] for event in (events[0], events[-1])] == [
        "jobledger.export.header",
        "jobledger.export.footer",
    ]
    assert len({event["id"] for event in events}) == len(events)


async def test_attributes_of_a_cloud_event_that_contradict_its_data_are_found() -> None:
    source = ListedLedger(histories(1))
    lines = written(Form.CLOUDEVENTS, await exported(source)).splitlines()
    changes = {"sequence": "0000000000000000009", "authid": "eve", "time": "2020-01-01T00:00:00Z"}
    for name, value in changes.items():
        changed = json.loads(lines[3]) | {name: value}
        verdict = verify([*lines[:3], dumps(changed), *lines[4:]], [source.key], check_ed25519)

        assert verdict.findings, name
