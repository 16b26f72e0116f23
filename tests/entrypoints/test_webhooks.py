"""A job's end comes to a real receiver, which verifies it with the standard's own library."""

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from domain.identifiers import UserId
from domain.use_cases.command import Caller
from domain.use_cases.webhook_endpoints import create_endpoint
from domain.webhooks import written_secret
from entrypoints import bootstrap
from entrypoints.relay import relay_until
from entrypoints.services import Services
from entrypoints.settings import Settings
from entrypoints.webhooks import hand_over_until
from entrypoints.worker import Worker
from tests.builders import provenance, submission

DEADLINE_SECONDS = 20

Received = Queue[tuple[str, dict[str, str]]]


@pytest.fixture
def receiver() -> Iterator[tuple[str, Received]]:
    received: Received = Queue()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            received.put((body, dict(self.headers.items())))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/hook", received
        server.shutdown()


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"http_allowed_networks": ["127.0.0.1/32"], "poll_seconds": 0.05})


async def test_a_completed_job_comes_to_its_users_endpoint_signed(
    services: Services, settings: Settings, receiver: tuple[str, Received]
) -> None:
    url, received = receiver
    endpoint = await create_endpoint(
        services.endpoints, services.ledger, services.audit, services.clock, services.ids, services.secrets,
        caller=Caller(UserId("user-1"), provenance()), url=url, event_types=("JobCompleted",), description="",
    )  # fmt: skip
    change = submission(job_parameters={"result": {"sum": 3}})
    await services.store.append([change])
    leaving = asyncio.Event()
    worker = Worker(services, bootstrap.local_compute(services, settings), settings)
    running = [
        asyncio.create_task(worker.run(leaving)),
        asyncio.create_task(relay_until(leaving, services, settings)),
        asyncio.create_task(hand_over_until(leaving, services, settings)),
        asyncio.create_task(_sealing(leaving, services)),
    ]
    body, headers = await asyncio.to_thread(received.get, timeout=DEADLINE_SECONDS)
    leaving.set()
    await asyncio.gather(*running)

    event: Any = Webhook(written_secret(endpoint.secret)).verify(body, headers)
    assert (event["type"], event["subject"]) == ("JobCompleted", change.job_id)
    assert event["data"]["payload"]["result"] == {"sum": 3}
    assert received.empty()


async def _sealing(leaving: asyncio.Event, services: Services) -> None:
    while not leaving.is_set():
        await services.sealing.seal(limit=1000)
        await asyncio.sleep(0.02)
