"""What the pages tell a reader to type works as it stands: the quickstart, and the examples of job types."""

import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from domain.identifiers import JobId, Json
from domain.job_types import JobTypes
from entrypoints import bootstrap
from entrypoints.relay import relay_until
from entrypoints.services import Services
from entrypoints.settings import Settings
from entrypoints.worker import Worker
from tests.builders import submission
from tests.conftest import TestDatabase, TestServer

ROOT = Path(__file__).parents[2]


def commands() -> list[str]:
    text = (ROOT / "docs" / "quickstart.md").read_text()
    # A clone of a clone would test the last commit, not what is here.
    return [block for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) if "git clone" not in block]


def test_the_quickstart_works_as_it_stands(postgres_server: TestServer, tmp_path: Path) -> None:
    if shutil.which("uv") is None:
        pytest.skip("uv is not on the path")
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", 8000)) == 0:
            pytest.skip("something else listens on port 8000, which the quickstart uses")
    postgres_server.run("CREATE DATABASE {}", "quickstart")
    script = tmp_path / "quickstart.sh"
    script.write_text("set -e\n" + "\n".join(commands()))
    environment = os.environ | {
        "MIGRATION_URL": postgres_server.url("quickstart", user="postgres"),
        "TRANSACTION_POOLER_URL": postgres_server.url("quickstart"),
        "DATA_DIRECTORY": str(tmp_path / "data"),
    }
    with (tmp_path / "output").open("w+") as output:
        process = subprocess.Popen(
            ["bash", str(script)],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = process.wait(timeout=120)
        finally:
            # The service that the quickstart left running in the background, unless it is gone already.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        output.seek(0)
        said = output.read()

    assert code == 0, said
    assert said.count('{"status":"ok"}') == 2


@pytest.fixture
def documented_types(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Settings, JobTypes]:
    """The page's examples, as one module that JOB_MODULES names."""
    page = (ROOT / "docs" / "job-types.md").read_text()
    source = "\n".join(re.findall(r"```python\n(.*?)```", page, re.DOTALL))
    (tmp_path / "documented_job_types.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    bringing = settings.model_copy(update={"job_modules": ["documented_job_types"]})
    return bringing, bootstrap.job_types(bringing)


async def test_the_documented_job_types_run_as_they_stand(
    services: Services, documented_types: tuple[Settings, JobTypes], database: TestDatabase
) -> None:
    settings, types = documented_types
    with psycopg.connect(database.owner_url) as owner:
        owner.execute("CREATE TABLE charges (customer text, cents integer)")
        owner.execute("GRANT INSERT ON charges TO jobledger_service")
    asked: dict[str, Json] = {
        "resize": {"url": "s3://images/1", "widths": [100, 200]},
        "count_letters": {"words": ["to", "be"]},
        "charge": {"customer": "c-1", "cents": 250},
    }
    changes = [submission(job_type=name, job_parameters=given) for name, given in asked.items()]
    await services.store.append(changes)
    results = await results_of(
        [change.job_id for change in changes], replace(services, types=types), settings
    )
    with psycopg.connect(database.owner_url) as owner:
        charged = owner.execute("SELECT customer, cents FROM charges").fetchall()

    assert results == [{"sizes": 2}, 4, {"charged": 250}]
    assert charged == [("c-1", 250)]


async def results_of(job_ids: list[JobId], services: Services, settings: Settings) -> list[Json]:
    """Run the jobs and return what each completed with."""
    leaving = asyncio.Event()
    worker = Worker(services, bootstrap.local_compute(services, settings), settings)
    async with asyncio.TaskGroup() as running, asyncio.timeout(20):
        running.create_task(worker.run(leaving))
        running.create_task(relay_until(leaving, services, settings))
        views = await services.views.get_many(job_ids)
        while not all(view.job.has_ended for view in views.values()):
            await asyncio.sleep(0)
            views = await services.views.get_many(job_ids)
        leaving.set()
    return [views[job_id].result for job_id in job_ids]
