"""`jobledger erase` on the command line: nothing of what was personal is left in any table."""

import os
import subprocess
import sys
from typing import Any

import psycopg
import pytest

from domain import decisions
from domain.events import Cause, JobError
from domain.identifiers import JobId
from domain.ports.event_store import Appended, Change
from domain.retries import RetryPolicy
from domain.views import JobView
from entrypoints.cli.http import NOT_FOUND, REFUSED
from entrypoints.services import Services
from entrypoints.settings import Settings
from tests.builders import NOW, submission
from tests.conftest import TestDatabase
from tests.contracts.acts import LEASE, change

SECRET = "Ann-Example-4711"


async def appended(services: Services, change: Change) -> JobView:
    (outcome,) = await services.store.append([change])
    assert isinstance(outcome, Appended)
    return outcome.after


@pytest.fixture
async def ended(services: Services) -> JobView:
    """A failed job that says the secret wherever a client or a function can put one."""
    view = await appended(
        services,
        submission(
            job_parameters={"name": SECRET}, tags=(SECRET,), on_behalf_of=SECRET, unique_key=SECRET,
            idempotency_key=SECRET, fingerprint=SECRET,
        ),
    )  # fmt: skip
    started = await appended(services, change(view, decisions.start(view.job, lease=LEASE, compute="local")))
    error = JobError(type="ValueError", message=f"no {SECRET}", retryable=False)
    failed = decisions.fail(
        started.job, error=error, cause=Cause.FAILED, policy=RetryPolicy(), chance=0.0, at=NOW
    )
    return await appended(services, change(started, failed))


def tables_with(secret: str, owner: psycopg.Connection[Any]) -> list[str]:
    tables = owner.execute(
        """SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class AS c JOIN pg_namespace AS n
            ON n.oid = c.relnamespace WHERE n.nspname IN ('jobledger', 'pgmq') AND c.relkind = 'r'"""
    ).fetchall()
    found = []
    for (name,) in tables:
        query = f"SELECT 1 FROM {name} AS t WHERE t::text LIKE %s"  # noqa: S608 - a name from the catalogue
        if owner.execute(query, [f"%{secret}%"]).fetchone():
            found.append(name)
    return found


def erase(settings: Settings, job_id: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "entrypoints.cli", "erase", "--job", job_id, "--reason", "asked for"],
        env=os.environ | {"TRANSACTION_POOLER_URL": settings.database_url, "DATABASE_IS_POOLED": "false"},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


async def test_nothing_personal_is_left_in_any_table(
    services: Services, settings: Settings, ended: JobView, database: TestDatabase
) -> None:
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        message = f'{{"job_id": "{ended.job.id}", "job_parameters": {{"name": "{SECRET}"}}}}'
        owner.execute("SELECT pgmq.send('job_queue', %s::jsonb)", [message])
        owner.execute(
            "INSERT INTO jobledger.parked (source, body, error) VALUES ('queue', %s, 'no')", [message]
        )
        before = tables_with(SECRET, owner)
        done = erase(settings, ended.job.id)
        after = tables_with(SECRET, owner)
    last = (await services.store.read_stream(ended.job.id))[-1]

    assert (done.returncode, done.stderr) == (0, "")
    assert len(before) >= 4
    assert after == []
    assert last.provenance.actor.id == "jobledger-erase"
    assert getattr(last.event, "basis", None) == "asked for"


async def test_a_job_that_has_not_ended_keeps_its_data(services: Services, settings: Settings) -> None:
    view = await appended(services, submission(job_parameters={"name": SECRET}))
    refused = erase(settings, view.job.id)
    kept = await services.views.get(view.job.id)

    assert refused.returncode == REFUSED
    assert kept is not None
    assert kept.job_parameters == {"name": SECRET}


@pytest.mark.parametrize("job_id", [JobId("019a0000-0000-7000-8000-00000000000a"), "no-id"])
async def test_a_job_that_is_not_there_is_not_found(settings: Settings, job_id: str) -> None:
    assert erase(settings, job_id).returncode == NOT_FOUND
