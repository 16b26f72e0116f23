"""Sweeps over the real database, on the command line too."""

import asyncio
import json

import psycopg
import pytest
from typer.testing import CliRunner

from domain.claims import Claimer
from domain.events import Cause, JobFailed
from domain.identifiers import JobId, WorkerId
from entrypoints.cli import app
from entrypoints.recovery import sweep_once
from entrypoints.services import Services
from entrypoints.settings import Settings
from tests.builders import submission
from tests.conftest import TestDatabase


@pytest.fixture
async def orphan(services: Services, database: TestDatabase) -> JobId:
    """A job whose outbox row somebody deleted by hand, long due."""
    change = submission()
    await services.store.append([change])
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        owner.execute("DELETE FROM jobledger.outbox")
        owner.execute("UPDATE jobledger.jobs SET due_at = due_at - interval '1 hour'")
    return change.job_id


async def test_a_sweep_ends_the_orphan_and_is_recorded(
    services: Services, settings: Settings, orphan: JobId, database: TestDatabase
) -> None:
    await sweep_once(services, settings)
    events = await services.store.read_stream(orphan)
    with psycopg.connect(database.owner_url) as owner:
        rows = owner.execute(
            "SELECT actor_kind, actor_id, facts FROM jobledger.job_events WHERE type = 'RecoverySwept'"
        ).fetchall()

    assert events[-1].event == JobFailed(attempt=0, cause=Cause.ORPHANED)
    assert rows == [
        (
            "recovery",
            "sweep",
            {
                "acted": [{"event": "JobFailed", "job_id": orphan, "suspicion": "orphaned"}],
                "acted_count": 1,
                "months_made": 0,
                "scanned": 1,
                "silent_for_seconds": 900,
                "skipped": [],
                "skipped_count": 0,
            },
        )
    ]


@pytest.fixture
async def stuck(services: Services, database: TestDatabase) -> JobId:
    """A job that runs although somebody deleted its message by hand."""
    change = submission()
    await services.store.append([change])
    await services.outbox.relay(limit=10, max_visible=10)
    claimer = Claimer(worker_id=WorkerId("worker-1"), compute="local")
    command_id = services.ids.command_id()
    claimed = await services.queue.start_waiting(
        limit=10, lease_seconds=30, claimer=claimer, command_id=command_id
    )
    assert [view.job.id for view in claimed.started] == [change.job_id]
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        owner.execute("DELETE FROM pgmq.q_job_queue")
    return change.job_id


async def test_the_command_says_first_and_then_does(
    services: Services, stuck: JobId, orphan: JobId, database: TestDatabase
) -> None:
    environment = {"TRANSACTION_POOLER_URL": database.url, "DATABASE_IS_POOLED": "false"}

    async def run(*options: str) -> dict[str, object]:
        # In a thread, because the command has a loop of its own.
        done = await asyncio.to_thread(CliRunner().invoke, app, ["recover", *options], env=environment)
        assert done.exit_code == 0, done.stderr
        said: dict[str, object] = json.loads(done.stdout)
        return said

    expected = [
        {"job_id": stuck, "suspicion": "stuck", "told": "JobFailed"},
        {"job_id": orphan, "suspicion": "orphaned", "told": "JobFailed"},
    ]
    dry = await run("--dry-run")
    unchanged = [await services.store.read_stream(job_id) for job_id in (stuck, orphan)]
    done = await run()
    again = await run()
    ends = [(await services.store.read_stream(job_id))[-1].event for job_id in (stuck, orphan)]

    assert dry == {"dry_run": True, "scanned": 2, "acted": expected, "skipped": []}
    assert [len(stream) for stream in unchanged] == [2, 1]
    assert done == {"dry_run": False, "scanned": 2, "acted": expected, "skipped": []}
    assert again == {"dry_run": False, "scanned": 2, "acted": [], "skipped": []}
    assert ends == [
        JobFailed(attempt=1, cause=Cause.STUCK),
        JobFailed(attempt=0, cause=Cause.ORPHANED),
    ]
