"""Sweeps over the real database, on the command line too."""

import json
import os
import subprocess
import sys

import psycopg
import pytest

from domain.events import Cause, JobFailed
from domain.identifiers import JobId
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


async def test_the_command_says_first_and_then_does(
    services: Services, orphan: JobId, database: TestDatabase
) -> None:
    environment = os.environ | {"TRANSACTION_POOLER_URL": database.url, "DATABASE_IS_POOLED": "false"}
    command = [sys.executable, "-m", "entrypoints.cli", "recover"]

    def run(*options: str) -> dict[str, object]:
        done = subprocess.run(
            [*command, *options], env=environment, check=True, capture_output=True, text=True
        )
        said: dict[str, object] = json.loads(done.stdout)
        return said

    expected = [{"job_id": orphan, "suspicion": "orphaned", "told": "JobFailed"}]
    dry = run("--dry-run")
    unchanged = await services.store.read_stream(orphan)
    done = run()
    again = run()

    assert dry == {"dry_run": True, "scanned": 1, "acted": expected, "skipped": []}
    assert len(unchanged) == 1
    assert done == {"dry_run": False, "scanned": 1, "acted": expected, "skipped": []}
    assert again == {"dry_run": False, "scanned": 1, "acted": [], "skipped": []}
