"""A trace goes from the request through relay and worker into the job type's function."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry import trace

from adapters.jwks_tokens import JwksTokenVerifier
from adapters.local_issuer import LocalIssuer
from adapters.otel_tracing import OtelTracing
from adapters.system import SystemClock
from domain.errors import InvalidSettings
from domain.identifiers import Json, UserId
from domain.job_types import JobContext, JobTypes, NotRetryable, job_type
from domain.ports.tracing import Tracing
from entrypoints import bootstrap
from entrypoints.api.app import create_app
from entrypoints.relay import relay_until
from entrypoints.services import Services
from entrypoints.settings import Settings
from entrypoints.tracing_settings import wants_tracing
from entrypoints.worker import Worker
from tests.fakes.otlp import CollectedSpan, Collector, collecting
from tests.waiting import until

TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = "b7ad6b7169203331"


@job_type("traces_itself")
async def traces_itself(context: JobContext, parameters: dict[str, Any]) -> Json:
    with trace.get_tracer("of_the_function").start_as_current_span("inside"):
        if parameters.get("fails"):
            raise NotRetryable("as asked")
        return None


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as found:
        yield found


@pytest.fixture
def tracing(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> Tracing:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    return OtelTracing(service="test", version="1")


@pytest.fixture
def traced(services: Services, tracing: Tracing) -> Services:
    types = JobTypes([traces_itself])
    return replace(services, tracing=tracing, types=types, parser=type(services.parser)(types))  # type: ignore[call-arg]


@pytest.fixture
def client(traced: Services, settings: Settings, tmp_path: Path) -> httpx.AsyncClient:
    issuer = LocalIssuer(tmp_path / "keys", issuer=settings.issuer, clock=SystemClock())

    async def fetch() -> dict[str, Any]:
        return issuer.jwks()

    verifier = JwksTokenVerifier(issuer=settings.issuer, clock=SystemClock(), fetch=fetch)
    app = create_app(verifier, settings, issuer, services=traced, tracing=traced.tracing)
    headers = {"Authorization": f"Bearer {issuer.issue(user_id=UserId('user-1'))}"}
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test", headers=headers)


async def run_to_the_end(
    services: Services, settings: Settings, client: httpx.AsyncClient, job_id: str
) -> None:
    leaving = asyncio.Event()
    worker = Worker(services, bootstrap.local_compute(services, settings), settings)
    async with asyncio.TaskGroup() as running:
        running.create_task(worker.run(leaving))
        running.create_task(relay_until(leaving, services, settings))

        async def has_ended() -> bool:
            return bool((await client.get(f"/jobs/{job_id}")).json()["finished_at"])

        await until(has_ended)
        leaving.set()


async def trace_of(
    client: httpx.AsyncClient, traced: Services, settings: Settings, collector: Collector, **parameters: Any
) -> list[CollectedSpan]:
    answer = await client.post(
        "/jobs",
        json={"job_type": "traces_itself", "job_parameters": parameters},
        headers={"traceparent": f"00-{TRACE}-{CALLER}-01"},
    )
    assert answer.status_code == 202, answer.text
    await run_to_the_end(traced, settings, client, answer.json()["id"])
    await asyncio.to_thread(traced.tracing.close)
    return collector.of_trace(TRACE)


async def test_a_request_its_relay_its_attempt_and_what_the_function_does_are_one_trace(
    client: httpx.AsyncClient, traced: Services, settings: Settings, collector: Collector
) -> None:
    spans = await trace_of(client, traced, settings, collector)
    by_name = {span.name: span for span in spans}
    request = by_name["POST /jobs"]

    assert len(spans) == len(by_name)
    assert set(by_name) == {"POST /jobs", "relay", "attempt traces_itself", "inside"}
    assert request.parent_id == CALLER
    assert by_name["relay"].parent_id == request.span_id
    assert by_name["attempt traces_itself"].parent_id == request.span_id
    assert by_name["inside"].parent_id == by_name["attempt traces_itself"].span_id
    assert request.attributes["http.response.status_code"] == "202"
    assert by_name["attempt traces_itself"].attributes["jobledger.outcome"] == "Completed"
    assert [span.name for span in spans if span.is_error] == []
    assert all(span.began_at <= span.ended_at for span in spans)


async def test_events_carry_the_trace_of_the_request(
    client: httpx.AsyncClient, traced: Services, settings: Settings, collector: Collector
) -> None:
    spans = await trace_of(client, traced, settings, collector)
    (request,) = [span for span in spans if span.name == "POST /jobs"]
    listed = (await client.get("/jobs")).json()["jobs"]
    events = await traced.store.read_stream(listed[0]["id"])

    assert {event.provenance.traceparent for event in events} == {f"00-{TRACE}-{request.span_id}-01"}


async def test_an_attempt_that_fails_is_an_error_in_its_trace(
    client: httpx.AsyncClient, traced: Services, settings: Settings, collector: Collector
) -> None:
    spans = await trace_of(client, traced, settings, collector, fails=True)

    assert {span.name for span in spans if span.is_error} >= {"attempt traces_itself"}
    assert "POST /jobs" not in {span.name for span in spans if span.is_error}


async def test_a_trace_that_its_caller_does_not_sample_is_not_sent(
    client: httpx.AsyncClient, traced: Services, collector: Collector
) -> None:
    headers = {"traceparent": f"00-{TRACE}-{CALLER}-00"}
    answer = await client.get("/jobs", headers=headers)
    await asyncio.to_thread(traced.tracing.close)

    assert answer.status_code == 200
    assert collector.of_trace(TRACE) == []


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_TRACES_EXPORTER": "none"}, False),
    ],
)
def test_traces_are_sent_where_the_standard_variables_say(environment: dict[str, str], wanted: bool) -> None:
    assert wants_tracing(environment) is wanted


@pytest.mark.parametrize(
    "asked", [{"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, {"OTEL_TRACES_EXPORTER": "zipkin"}]
)
def test_what_is_not_spoken_here_is_refused_at_the_start(asked: dict[str, str]) -> None:
    with pytest.raises(InvalidSettings, match=next(iter(asked))):
        wants_tracing({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"} | asked)


def test_nothing_of_opentelemetry_is_imported_where_nobody_listens() -> None:
    # FastAPI itself imports the API package where that is installed; it is the SDK that costs.
    program = (
        "import sys; import entrypoints.worker, entrypoints.relay, entrypoints.api.server;"
        "from entrypoints import bootstrap; assert not bootstrap.tracing('api').is_on;"
        "costly = ('opentelemetry.sdk', 'opentelemetry.exporter');"
        "print([name for name in sys.modules if name.startswith(costly)])"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
