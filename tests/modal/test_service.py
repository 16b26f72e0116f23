"""The whole service on Modal: an API container that wakes what relays, dispatches and runs."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psycopg
import pytest

from adapters.local_issuer import LocalIssuer
from adapters.system import SystemClock
from domain.identifiers import JobId, UserId
from tests.fakes.modal.server import FakeModal
from tests.modal.conftest import IDENTITY, OnModal


@pytest.fixture
def identity(fake: FakeModal, data_directory: Path) -> Iterator[LocalIssuer]:
    """Who signs tokens, on an address of its own, which the API's secret names."""

    class Keys(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(issuer.jwks()).encode())

        def log_message(self, *_: object) -> None:
            """Not onto the tests' output."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Keys) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        issuer = LocalIssuer(data_directory / "keys", issuer=f"{url}/auth/v1", clock=SystemClock())
        fake.world.secrets[IDENTITY]["SUPABASE_URL"] = url
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield issuer
        server.shutdown()
        fake.world.secrets[IDENTITY]["SUPABASE_URL"] = ""


async def test_a_job_that_is_submitted_over_http_is_dispatched_and_run_with_nothing_resident(
    on_modal: OnModal, identity: LocalIssuer
) -> None:
    issuer = identity
    headers = {
        "Authorization": f"Bearer {issuer.issue(user_id=UserId('user-1'))}",
        "Content-Type": "application/json",
    }
    asked = {"job_type": "sample_task", "job_parameters": {"result": "from afar"}}
    status, body = on_modal.fake.web("POST", "/jobs", headers, json.dumps(asked).encode())
    accepted = json.loads(body)
    assert status == 202, body
    view = await on_modal.until_status(JobId(accepted["id"]), "completed")
    shown = on_modal.fake.web("GET", f"/jobs/{view.job.id}", headers)
    (call,) = on_modal.calls
    (kept_up,) = on_modal.fake.world.calls_of("keep_up")

    assert (status, view.result) == (202, "from afar")
    assert kept_up.deliveries == 1
    assert json.loads(shown[1])["links"]["call"] == f"https://modal.com/id/{call.id}"


async def test_the_schedule_takes_up_what_nobody_else_does(on_modal: OnModal) -> None:
    job_id = await on_modal.submit()
    async with await psycopg.AsyncConnection.connect(on_modal.settings.owner_url) as owner:
        await owner.execute("DELETE FROM jobledger.outbox")
        await owner.execute("UPDATE jobledger.jobs SET due_at = due_at - interval '1 hour'")
        await owner.execute("""DO $$ BEGIN
            EXECUTE (SELECT 'DROP TABLE ' || max(inhrelid::regclass::text) FROM pg_inherits
                WHERE inhparent = 'jobledger.job_events'::regclass);
        END $$""")
    told = on_modal.fake.result(on_modal.fake.call("recover_orphaned_jobs"))
    vitals = await on_modal.services.vitals.read()

    assert told == {"scanned": 1, "acted": 1, "skipped": 0}
    assert vitals.months_ahead == 3
    assert await on_modal.kinds(job_id) == ["JobSubmitted", "JobFailed"]
