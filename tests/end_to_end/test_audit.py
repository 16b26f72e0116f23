"""An auditor with nothing but a token and the command line: key, checkpoint, export, and an offline check."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvicorn

from adapters.local_issuer import LocalIssuer
from adapters.system import SystemClock
from domain.identifiers import UserId
from domain.ledger.forms import Form
from domain.ports.read_model import Span
from entrypoints import bootstrap
from entrypoints.api.app import create_app
from entrypoints.listening import listen_on
from entrypoints.services import Services
from entrypoints.settings import Settings
from tests.builders import submission
from tests.entrypoints.test_sealer import sealer, until_sealed

JOBS = 40


@pytest.fixture
async def url(services: Services, settings: Settings) -> AsyncIterator[str]:
    """The API on a port of its own, over a ledger with forty jobs in it."""
    async with sealer(services, settings):
        await services.store.append([submission(job_parameters={"n": n}) for n in range(JOBS)])
        await until_sealed(services, JOBS + 2)
    listening = listen_on("127.0.0.1", 0)
    settings = settings.model_copy(update={"api_port": listening.getsockname()[1]})
    verifier, issuer = bootstrap.token_verifier(settings), bootstrap.local_issuer(settings)
    app = create_app(verifier, settings, issuer, services=services)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve([listening]))
    yield settings.local_url
    server.should_exit = True
    await serving


class Auditor:
    def __init__(self, folder: Path, url: str, settings: Settings) -> None:
        self.folder = folder
        issuer = LocalIssuer(settings.data_directory / "keys", issuer=f"{url}/auth/v1", clock=SystemClock())
        token = issuer.issue(user_id=UserId("auditor-1"), roles=("auditor",))
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path.cwd()),
            "JOBLEDGER_URL": url,
            "JOBLEDGER_TOKEN": token,
        }

    async def run(self, *arguments: str, **environment: str) -> tuple[int, str, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "entrypoints.cli", "audit", *arguments,
            cwd=self.folder, env=self.environment | environment,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        output, errors = await process.communicate()
        return process.returncode or 0, output.decode(), errors.decode()


async def test_an_export_is_made_and_checked_and_the_next_one_compared(
    url: str, services: Services, settings: Settings, tmp_path: Path
) -> None:
    auditor = Auditor(tmp_path, url, settings)
    _, key, _ = await auditor.run("key")
    _, note, _ = await auditor.run("checkpoint")
    (tmp_path / "key").write_text(key)
    (tmp_path / "last").write_text(note)
    async with sealer(services, settings):
        await services.store.append([submission()])
        await until_sealed(services, JOBS + 5)
    (job, *_) = (await services.read_model.page(span=Span(), limit=1)).jobs
    for form in Form:
        asked = ("--job", job.job_id, "--form", form.value, "--checkpoint", "last")
        code, _, errors = await auditor.run("export", "--output", "part", *asked)
        assert (code, errors) == (0, "")
        code, told, _ = await auditor.run("verify", "part", "--key", "key", "--checkpoint", "last")
        verdict = json.loads(told)

        assert (code, verdict["findings"]) == (0, [])
        assert (verdict["events"], verdict["filter"]) == (1, {"job_id": job.job_id})
        assert verdict["compared_with_size"] == JOBS + 3

    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["key", "last", "part"]


async def test_a_refused_export_leaves_no_file_and_says_why(
    url: str, settings: Settings, tmp_path: Path
) -> None:
    auditor = Auditor(tmp_path, url, settings)
    code, _, errors = await auditor.run("export", "--output", "all", "--type", "JobPaid")
    assert (code, "There is no such event" in errors) == (4, True)
    code, _, errors = await auditor.run("export", "--output", "all", JOBLEDGER_TOKEN="nonsense")
    assert (code, "token" in errors) == (5, True)
    code, _, errors = await auditor.run("export", "--output", "no/such/folder")
    assert (code, "cannot be written" in errors) == (2, True)
    assert list(tmp_path.glob("all*")) == []
