"""Checkpoints, keys, proofs and exports over HTTP: what is given out holds by the key alone."""

import asyncio
import base64
import io
from dataclasses import replace
from typing import Any

import httpx
import psycopg
from fastapi import FastAPI
from psycopg.rows import dict_row

from adapters.ed25519 import check_ed25519
from domain.identifiers import JobId
from domain.ledger.forms import Form
from domain.ledger.notes import parse_checkpoint, parse_key, parse_note, parse_proof, trusted_checkpoint
from domain.ledger.proofs import is_consistent, root_from_inclusion
from domain.ledger.verifier import Verdict, verify
from domain.ports.ledger_reading import EVERYTHING
from domain.use_cases.export import PAGE, Export, begin
from entrypoints.api.audit import pieces
from entrypoints.services import Services
from tests.conftest import TestDatabase
from tests.entrypoints.api.audit.conftest import SIZE
from tests.entrypoints.api.conftest import Client
from tests.entrypoints.api.test_jobs import submitted
from tests.fakes.ledger import ListedLedger, histories, job, sealed


async def test_checkpoint_key_and_proofs_hold_together(as_user: Client, ledger: ListedLedger) -> None:
    # Anybody may ask: a client can prove their own event, and a witness needs no role.
    client = as_user("user-1")
    key = parse_key((await client.get("/audit/key")).text)
    note = await client.get("/audit/checkpoint")
    checkpoint = trusted_checkpoint(note.text, [key], check_ed25519)
    proof = parse_proof((await client.get("/audit/proof?position=77")).text)
    leaf = ledger.events[76].leaf_hash

    assert note.headers["Content-Type"].startswith("text/plain")
    assert checkpoint == ledger.checkpoint_of(SIZE)
    assert proof.checkpoint == note.text
    assert root_from_inclusion(proof.index, checkpoint.size, leaf, proof.hashes) == checkpoint.root


async def test_a_checkpoint_is_shown_to_have_grown_out_of_an_earlier_one(
    client: httpx.AsyncClient, ledger: ListedLedger
) -> None:
    told = (await client.get("/audit/consistency?from=100")).json()
    hashes = [base64.b64decode(item) for item in told["hashes"]]
    now, then = parse_checkpoint(parse_note(told["checkpoint"]).body), ledger.checkpoint_of(100)
    part = (await client.get("/audit/consistency?from=100&to=200")).json()["hashes"]
    middle = ledger.checkpoint_of(200)

    assert is_consistent(then.size, then.root, now.size, now.root, hashes)
    assert is_consistent(100, then.root, 200, middle.root, [base64.b64decode(item) for item in part])


async def test_what_is_not_signed_yet_is_not_there(client: httpx.AsyncClient, ledger: ListedLedger) -> None:
    for path in (f"/audit/proof?position={SIZE + 1}", f"/audit/consistency?from={SIZE + 1}"):
        assert (await client.get(path)).status_code == 404
    for path in (
        "/audit/proof",
        "/audit/proof?position=0",
        "/audit/consistency",
        "/audit/consistency?from=x",
    ):
        assert (await client.get(path)).status_code == 422
    ledger.events.clear()
    answer = await client.get("/audit/checkpoint")
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-sealed")


def judged(answer: httpx.Response, ledger: ListedLedger, known: int | None = None) -> Verdict:
    last = None if known is None else ledger.checkpoint_of(known)
    return verify(io.BytesIO(answer.content), [ledger.key], check_ed25519, last)


async def test_an_export_in_any_form_proves_itself_and_says_what_it_is_of(
    auditor: httpx.AsyncClient, ledger: ListedLedger
) -> None:
    for form, kind in (("ndjson", "application/x-ndjson"), ("csv", "text/csv"), ("cloudevents", "profile=")):
        query = {"form": form, "type": "JobCompleted", "known_size": "99"}
        answer = await auditor.get("/audit/export", params=query)
        verdict = judged(answer, ledger, known=99)

        assert (answer.status_code, verdict.findings) == (200, [])
        assert (verdict.events, verdict.skipped) == (50, 200)
        assert kind in answer.headers["Content-Type"]
        assert answer.headers["Content-Disposition"].startswith('attachment; filename="jobledger-1-250.')
    part = await auditor.get("/audit/export", params={"after": 10, "through": 20})
    header = httpx.Response(200, content=part.content.splitlines()[0]).json()

    assert judged(part, ledger).events == 10
    assert header["filter"] == {}
    assert header["positions"] == [11, 20]
    assert header["exported_by"] == "auditor-1"
    assert (await auditor.get("/audit/export", params={"through": SIZE + 1})).status_code == 404
    assert (await auditor.get("/audit/export", params={"form": "xml"})).status_code == 422


async def test_each_export_and_one_reading_a_session_are_recorded(
    auditor: httpx.AsyncClient, database: TestDatabase
) -> None:
    for path in ("/events?type=JobFailed", "/events?after=7", "/events"):
        await auditor.get(path)
    await auditor.get("/audit/export", params={"type": "JobFailed", "after": 5})
    async with await psycopg.AsyncConnection.connect(database.owner_url, row_factory=dict_row) as connection:
        query = "SELECT type, facts, actor_kind, actor_id FROM jobledger.job_events ORDER BY id"
        read, exported = await (await connection.execute(query)).fetchall()

    assert (read["type"], read["facts"]) == ("HistoryRead", {"route": "/events"})
    assert exported["type"] == "HistoryExported"
    assert exported["facts"] == {
        "origin": "jobledger.test/log",
        "size": SIZE,
        "first_position": 6,
        "last_position": SIZE,
        "form": "ndjson",
        "filter": {"type": "JobFailed"},
    }
    assert {(event["actor_kind"], event["actor_id"]) for event in (read, exported)} == {
        ("auditor", "auditor-1")
    }


class CountingLedger(ListedLedger):
    reads = 0

    async def read(self, *which: Any, **rest: Any) -> Any:
        self.reads += 1
        return await super().read(*which, **rest)


async def test_an_export_reads_no_further_than_its_client_takes(services: Services) -> None:
    ledger = CountingLedger(histories(PAGE))
    tree = await begin(ledger, Export(EVERYTHING))
    stream = pieces(replace(services, ledger=ledger), tree, Export(EVERYTHING), Form.NDJSON, {})
    await anext(stream)

    assert ledger.reads == 1
    await stream.aclose()
    assert ledger.reads == 1


async def test_a_client_that_leaves_ends_the_work(app: FastAPI, auditor: httpx.AsyncClient) -> None:
    ledger = CountingLedger(histories(4 * PAGE))
    app.state.services = replace(app.state.services, ledger=ledger)
    authorization = auditor.headers["Authorization"].encode()
    scope = {
        "type": "http", "method": "GET", "path": "/audit/export", "raw_path": b"/audit/export",
        "query_string": b"", "headers": [(b"authorization", authorization)], "http_version": "1.1",
        "scheme": "http", "server": ("test", 80), "client": ("test", 1), "root_path": "",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
    }  # fmt: skip
    gone = asyncio.Event()
    asked = False

    async def receive() -> dict[str, Any]:
        nonlocal asked
        if not asked:
            asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body" and message["body"]:
            gone.set()
            # As a socket does that nobody reads from any more.
            await asyncio.Event().wait()

    await asyncio.wait_for(app(scope, receive, send), 10)

    assert ledger.reads == 1


async def test_a_job_is_shown_as_it_was_at_a_position(
    client: httpx.AsyncClient, services: Services, ledger: ListedLedger
) -> None:
    view = await submitted(client)
    await client.post(f"/jobs/{view['id']}/cancel", json={"reason": "no"})
    stream = await services.store.read_stream(JobId(view["id"]))
    ledger.events += [
        sealed(SIZE + 2 * item.version, view["id"], item.version, type(item.event).__name__, {})
        for item in stream
    ]
    ledger.events.insert(SIZE, sealed(SIZE + 1, job(900), 1, "JobSubmitted", {}))
    ledger.events.insert(SIZE + 2, sealed(SIZE + 3, job(901), 1, "JobSubmitted", {}))
    path = f"/jobs/{view['id']}"

    async def status(position: int) -> Any:
        answer = await client.get(path, params={"as_of": f"position:{position}"})
        return answer.json().get("status") if answer.is_success else answer.status_code

    assert [await status(SIZE + n) for n in (1, 2, 3, 4)] == [404, "pending", "pending", "cancelled"]
    assert [await status(position) for position in (SIZE + 5, 10**18 - 1)] == [404, 404]
    assert (await client.get(path, params={"as_of": "position:x"})).status_code == 422
