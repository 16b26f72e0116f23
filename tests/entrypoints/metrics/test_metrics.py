"""`/metrics` of the API and of a process's own port, as Prometheus reads them."""

import asyncio
from dataclasses import replace

import httpx
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from domain.errors import StorageUnavailable
from domain.ports.vitals import Vitals
from entrypoints import bootstrap
from entrypoints.api.app import create_app
from entrypoints.metrics.app import MetricsApp
from entrypoints.metrics.catalogue import METRICS
from entrypoints.metrics.port import metrics_port
from entrypoints.relay import relay_until
from entrypoints.services import Services
from entrypoints.settings import Environment, Settings
from entrypoints.worker import Worker
from tests.builders import submission
from tests.end_to_end.up import free_port

Samples = dict[str, list[tuple[dict[str, str], float]]]


def parsed(text: str) -> Samples:
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def over(app: object) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")  # type: ignore[arg-type]


def api(services: Services, settings: Settings) -> httpx.AsyncClient:
    app: FastAPI = create_app(bootstrap.token_verifier(settings), settings, services=services)
    return over(app)


async def test_requests_are_counted_by_route_and_never_by_path(
    services: Services, settings: Settings
) -> None:
    client = api(services, settings)
    for path in ("/health", "/health", "/jobs/1", "/jobs/2", "/nothing/3", "/nothing/4"):
        await client.get(path)
    await client.request("BREW", "/health")
    counted = parsed((await client.get("/metrics")).text)["jobledger_http_requests_total"]

    assert {(labels["method"], labels["route"], labels["status"]): times for labels, times in counted} == {
        ("GET", "/health", "200"): 2,
        ("GET", "/jobs/{job_id}", "401"): 2,
        ("GET", "unmatched", "404"): 2,
        ("other", "/health", "405"): 1,
    }


async def test_the_service_is_read_with_what_waits_and_since_when(
    services: Services, settings: Settings
) -> None:
    await services.store.append([submission(), submission()])
    while await services.statistics.advance(limit=100):
        pass
    answer = await api(services, settings).get("/metrics")
    samples = parsed(answer.text)

    assert answer.headers["content-type"].startswith("text/plain")
    assert samples["jobledger_jobs"] == [({"job_type": "sample_task", "status": "pending"}, 2)]
    assert samples["jobledger_outbox_due"] == [({"compute": "local"}, 2), ({"compute": "remote"}, 0)]
    assert samples["jobledger_database_up"] == [({}, 1)]
    assert ({"table": "q_job_queue"}, 0) in samples["jobledger_dead_rows"]
    assert {labels["pool"] for labels, _ in samples["jobledger_pool_connections"]} == {
        "statements",
        "transactions",
    }
    assert samples["process_resident_memory_bytes"][0][1] > 0


async def test_a_worker_and_a_relay_count_what_they_did(services: Services, settings: Settings) -> None:
    worker = Worker(services, bootstrap.local_compute(services, settings), settings)
    client = over(MetricsApp(services, settings, reads_service=True))
    changes = [submission(), submission(job_parameters={"fail_on_attempts": [1], "retryable": False})]
    await services.store.append(changes)
    leaving = asyncio.Event()
    async with asyncio.TaskGroup() as running, asyncio.timeout(20):
        running.create_task(worker.run(leaving))
        running.create_task(relay_until(leaving, services, settings))
        views = await services.views.get_many([change.job_id for change in changes])
        while not all(view.job.has_ended for view in views.values()):
            await asyncio.sleep(0)
            views = await services.views.get_many([change.job_id for change in changes])
        leaving.set()
    samples = parsed((await client.get("/metrics")).text)

    assert samples["jobledger_relayed_total"] == [({}, 2)]
    assert samples["jobledger_attempts_started_total"] == [({}, 2)]
    assert sorted(samples["jobledger_attempts_settled_total"], key=str) == [
        ({"outcome": "Completed"}, 1),
        ({"outcome": "Failed"}, 1),
    ]
    assert samples["jobledger_attempts_limit"] == [({}, settings.worker_concurrency)]
    assert samples["jobledger_leases_lost_total"] == [({}, 0)]


async def test_outside_a_local_service_metrics_need_their_token(
    services: Services, settings: Settings
) -> None:
    public = settings.model_copy(
        update={"environment": Environment.PROD, "supabase_url": "https://project.test"}
    )
    protected = public.model_copy(update={"metrics_token": SecretStr("let-me-in")})
    with_token = {"Authorization": "Bearer let-me-in"}

    assert (await api(services, public).get("/metrics")).status_code == 404
    assert (await api(services, protected).get("/metrics")).status_code == 401
    refused = await api(services, protected).get("/metrics", headers={"Authorization": "Bearer let-me"})
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert (await api(services, protected).get("/metrics", headers=with_token)).status_code == 200


async def test_a_process_serves_its_metrics_on_a_port_of_its_own(
    services: Services, settings: Settings
) -> None:
    on_a_port = settings.model_copy(update={"metrics_port": free_port()})
    url = f"http://127.0.0.1:{on_a_port.metrics_port}"
    async with metrics_port(services, on_a_port, reads_service=False), httpx.AsyncClient() as client:
        answer = await client.get(f"{url}/metrics")
        elsewhere = await client.get(f"{url}/jobs")
        written = await client.post(f"{url}/metrics")
        scaling = await client.get(f"{url}/metrics/scaling")

    assert "jobledger_build_info" in parsed(answer.text)
    assert "jobledger_jobs" not in parsed(answer.text)
    assert (elsewhere.status_code, written.status_code, scaling.status_code) == (404, 405, 503)


async def test_an_autoscaler_is_told_the_load_and_how_many_workers_it_wants(
    services: Services, settings: Settings
) -> None:
    await services.store.append([submission() for _ in range(3)])
    answer = await api(services, settings).get("/metrics/scaling")

    assert answer.json() | {"read_at": "", "oldest_due_seconds": 0} == {
        "read_at": "",
        "backlog": 3,
        "oldest_due_seconds": 0,
        "running": 0,
        "workers": 0,
        "capacity": 0,
        "suggested_workers": 1,
    }


async def test_an_autoscaler_gets_no_number_when_the_service_cannot_be_read(
    services: Services, settings: Settings
) -> None:
    answer = await api(replace(services, vitals=Unreadable()), settings).get("/metrics/scaling")

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert answer.json()["type"] == "/problems/storage-unavailable"


class Unreadable:
    async def read(self) -> Vitals:
        raise StorageUnavailable("gone")


def test_every_metric_has_a_name_of_its_own_by_prometheus_rules() -> None:
    names = [metric.name for metric in METRICS]

    assert len(set(names)) == len(names) > 30
    assert [
        metric.name for metric in METRICS if metric.kind == "counter" and metric.name[-6:] != "_total"
    ] == []
