"""Relay and worker through PgBouncer in transaction mode, over several connections at once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
import pytest
import structlog
from pydantic import SecretStr

from adapters.postgres import hints
from domain.errors import StorageUnavailable
from domain.events import AttemptStarted, JobCancelled, JobCompleted, JobEvent, JobFailed, JobSubmitted
from domain.identifiers import JobId, Json
from domain.job_types import JobContext, job_type
from domain.use_cases.cancel import cancel_job
from domain.views import JobView
from entrypoints import bootstrap
from entrypoints.recovery import sweep_once
from entrypoints.relay import relay_until
from entrypoints.services import Services
from entrypoints.settings import Settings
from entrypoints.worker import Worker
from tests.builders import provenance, submission
from tests.conftest import TestDatabase, TestServer
from tests.pgbouncer import PgBouncer, pgbouncer, skip_without_pgbouncer
from tests.waiting import until

DEADLINE_SECONDS = 30


@job_type("transfers")
async def transfers(context: JobContext, parameters: dict[str, Any]) -> Json:
    async with context.transaction() as transaction:
        await transaction.connection.execute("INSERT INTO transfers VALUES (%s)", [context.job_id])
    return None


@job_type("lasts")
async def lasts(context: JobContext, parameters: dict[str, Any]) -> Json:
    await context.sleep(DEADLINE_SECONDS)
    return None


@pytest.fixture
def pooler(postgres_server: TestServer) -> Iterator[PgBouncer]:
    skip_without_pgbouncer()
    # Not in pytest's own folder, which the user that PgBouncer runs as could not enter.
    with (
        TemporaryDirectory(prefix="jobledger-pooler-") as place,
        pgbouncer(Path(place), postgres_server.admin_url) as running,
    ):
        yield running


@pytest.fixture
def pooled(settings: Settings, database: TestDatabase, pooler: PgBouncer) -> Settings:
    url = pooler.url(database.direct_url)
    return settings.model_copy(
        update={
            "transaction_pooler_url": SecretStr(url),
            "database_is_pooled": True,
            "job_modules": [__name__],
        }
    )


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Services]:
    """Two workers and a relay, each with connections of its own, and a client's services."""
    leaving = asyncio.Event()

    async def part(run: Callable[[Services], Awaitable[None]]) -> None:
        async with bootstrap.open_services(settings) as services:
            await run(services)

    def worker(services: Services) -> Awaitable[None]:
        return Worker(services, bootstrap.local_compute(services, settings), settings).run(leaving)

    async with bootstrap.open_services(settings) as services:
        parts = [
            asyncio.create_task(part(worker)),
            asyncio.create_task(part(worker)),
            asyncio.create_task(part(lambda services: relay_until(leaving, services, settings))),
        ]
        try:
            yield services
        finally:
            leaving.set()
            await asyncio.gather(*parts)


async def submit(services: Services, job_type: str, **parameters: Any) -> JobId:
    change = submission(job_type=job_type, job_parameters=parameters)
    await services.store.append([change])
    return change.job_id


async def ended(services: Services, job_ids: list[JobId]) -> list[list[type[JobEvent]]]:
    """What happened to each job, once all have ended."""

    async def all_have_ended() -> bool:
        views: dict[JobId, JobView] = {}
        # Each connection finds out by itself that the pooler was killed.
        with suppress(StorageUnavailable):
            views = await services.views.get_many(job_ids)
        return len(views) == len(job_ids) and all(view.job.has_ended for view in views.values())

    await until(all_have_ended)
    streams = [await services.store.read_stream(job_id) for job_id in job_ids]
    return [[type(recorded.event) for recorded in stream] for stream in streams]


async def test_everything_a_job_needs_works_through_the_pooler(
    pooled: Settings, database: TestDatabase
) -> None:
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        owner.execute("CREATE TABLE transfers (job_id uuid)")
        owner.execute("GRANT INSERT ON transfers TO jobledger_service")
    async with running(pooled) as services:
        plain = [await submit(services, "sample_task") for _ in range(40)]
        in_transactions = [await submit(services, "transfers") for _ in range(20)]
        stopped = await submit(services, "lasts")

        async def has_started() -> bool:
            view = await services.views.get(stopped)
            return view is not None and view.job.attempt == 1

        await until(has_started)
        await cancel_job(
            services.store, services.hints, job_id=stopped, provenance=provenance(), reason="enough"
        )
        histories = await ended(services, [*plain, *in_transactions, stopped])
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        transferred = owner.execute("SELECT job_id::text FROM transfers").fetchall()

    assert histories[:-1] == [[JobSubmitted, AttemptStarted, JobCompleted]] * 60
    assert histories[-1][-1] is JobCancelled
    assert sorted(transferred) == sorted((job_id,) for job_id in in_transactions)


async def test_recovery_sweeps_through_the_pooler(pooled: Settings, database: TestDatabase) -> None:
    async with bootstrap.open_services(pooled) as services:
        orphan = await submit(services, "sample_task")
        with psycopg.connect(database.owner_url, autocommit=True) as owner:
            owner.execute("DELETE FROM jobledger.outbox")
            owner.execute("UPDATE jobledger.jobs SET due_at = due_at - interval '1 hour'")
        sweep = await sweep_once(services, pooled)
        (history,) = await ended(services, [orphan])

    assert [finding.job_id for finding in sweep.acted] == [orphan]
    assert history == [JobSubmitted, JobFailed]


async def test_work_goes_on_after_the_pooler_was_killed_and_started_again(
    pooled: Settings, pooler: PgBouncer
) -> None:
    async with running(pooled) as services:
        before = [await submit(services, "sample_task", duration_seconds=0.3) for _ in range(20)]
        await asyncio.to_thread(pooler.restart)
        histories = await ended(services, before)

    assert {history[-1] for history in histories} == {JobCompleted}


async def test_listening_through_a_pooler_is_warned_of_and_polled_instead(
    pooled: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hints, "PROBE_SECONDS", 0.2)
    settings = pooled.model_copy(update={"listen_url": pooled.transaction_pooler_url})
    with structlog.testing.capture_logs() as lines:
        async with running(settings) as services:
            (history,) = await ended(services, [await submit(services, "sample_task")])

            async def is_warned_of() -> bool:
                return any(line["event"] == "hints.unheard" for line in lines)

            await until(is_warned_of)

    assert history == [JobSubmitted, AttemptStarted, JobCompleted]


async def test_listening_directly_is_not_warned_of(pooled: Settings) -> None:
    with structlog.testing.capture_logs() as lines:
        async with running(pooled) as services:
            await ended(services, [await submit(services, "sample_task")])

    assert [line for line in lines if line["event"].startswith("hints.")] == []
