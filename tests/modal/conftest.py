"""One fake Modal for the whole run, with the app deployed to it; containers and calls for each test."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from adapters.modal_compute import ModalCompute
from domain.events import JobEvent
from domain.identifiers import JobId, Json
from domain.job_types import JobTypes
from domain.views import JobView
from entrypoints import bootstrap
from entrypoints.dispatcher import dispatch_once, dispatch_until
from entrypoints.services import Services
from entrypoints.settings import Settings
from tests.builders import submission
from tests.conftest import TestDatabase
from tests.fakes.modal.server import UNNAMED, FakeModal, fake_modal
from tests.fakes.modal.world import Call
from tests.waiting import until

ROOT = Path(__file__).parent.parent.parent
DEADLINE_SECONDS = 300
DATABASE = (UNNAMED, "jobledger-database")
IDENTITY = (UNNAMED, "jobledger-identity")
CARRIED = {
    "CANCEL_GRACE_SECONDS": "0.5",
    "DATABASE_IS_POOLED": "false",
    "DATABASE_TIMEOUT_SECONDS": "2",
    "JOB_COMPUTE": "modal",
    "JOB_MODULES": "jobs_of_a_user.types",
    "LEASE_SECONDS": "3",
    "MODAL_IDLE_SECONDS": "0.5",
}
"""What the image carries: quick to notice things."""

JOB_TYPES = """
import asyncio
import os
import sys
from typing import Any
from domain.job_types import JobContext, job_type
from domain.retries import RetryPolicy

QUICK = RetryPolicy(first_delay_seconds=0.01)

@job_type("stubborn", retry=QUICK)
async def stubborn(context: JobContext, parameters: dict[str, Any]) -> None:
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            continue

@job_type("knows_where_it_is")
async def knows_where_it_is(context: JobContext, parameters: dict[str, Any]) -> list[str]:
    packages = ("domain", "adapters", "entrypoints", "jobs_of_a_user")
    return [
        module.__file__ for name, module in sorted(sys.modules.items())
        if name.split(".")[0] in packages and getattr(module, "__file__", None)
    ]

@job_type("waits_for_a_file")
async def waits_for_a_file(context: JobContext, parameters: dict[str, Any]) -> None:
    while not os.path.exists(parameters["path"]):
        await asyncio.sleep(0.02)

@job_type("waits_once", retry=QUICK)
async def waits_once(context: JobContext, parameters: dict[str, Any]) -> str:
    if context.attempt == 1:
        await asyncio.sleep(60)
    return f"attempt {context.attempt}"
"""


def deploy(
    fake: FakeModal, directory: Path, *what: str, **environment: str
) -> "subprocess.CompletedProcess[str]":
    """`modal deploy` as an operator types it, in a process of its own; of the app, unless `what` is given."""
    return subprocess.run(
        [sys.executable, "-m", "modal", "deploy", *(what or ("-m", "entrypoints.modal_app"))],
        cwd=ROOT,
        env=os.environ | fake.environment() | {"PYTHONPATH": str(directory)} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.fixture(scope="session")
def job_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("job_modules")
    (directory / "jobs_of_a_user").mkdir()
    (directory / "jobs_of_a_user" / "__init__.py").touch()
    (directory / "jobs_of_a_user" / "types.py").write_text(JOB_TYPES)
    return directory


@pytest.fixture(scope="session")
def deployed(job_modules: Path) -> Iterator[FakeModal]:
    # Once for the process: the client keeps the connection that it made at its first use.
    with fake_modal() as fake, fake.as_environment():
        fake.world.secrets[DATABASE] = {"TRANSACTION_POOLER_URL": "postgresql://not-yet"}
        fake.world.secrets[IDENTITY] = {"ENVIRONMENT": "local", "SUPABASE_URL": ""}
        done = deploy(fake, job_modules, **CARRIED)
        assert done.returncode == 0, done.stdout + done.stderr
        yield fake


@pytest.fixture
def fake(deployed: FakeModal, database: TestDatabase, data_directory: Path) -> Iterator[FakeModal]:
    """The fake, with secrets that lead its containers to this test's database."""
    deployed.world.secrets[DATABASE]["TRANSACTION_POOLER_URL"] = database.url
    deployed.world.secrets[IDENTITY]["DATA_DIRECTORY"] = str(data_directory)
    deployed.requests.clear()
    yield deployed
    said = deployed.said()
    deployed.empty()
    # Modal tells of calls that block the loop in warnings alone.
    assert "AsyncUsageWarning" not in said, said


@pytest.fixture
def settings(settings: Settings, job_modules: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a dispatcher beside Modal."""
    monkeypatch.syspath_prepend(str(job_modules))
    return settings.model_copy(
        update={
            "job_compute": ["modal"],
            "job_modules": ["jobs_of_a_user.types"],
            "lease_seconds": 3,
            "modal_deadline_seconds": 5.0,
        }
    )


@dataclass
class OnModal:
    """A service whose jobs run on the fake, and what a test does with it."""

    fake: FakeModal
    services: Services
    settings: Settings
    compute: ModalCompute
    types: JobTypes

    async def submit(self, job_type: str = "sample_task", parameters: Json = None, **asked: Any) -> JobId:
        policy = self.types.policy_of(job_type)
        change = submission(job_type=job_type, job_parameters=parameters or {}, policy=policy, **asked)
        await self.services.store.append([change])
        return change.job_id

    async def dispatch(self) -> None:
        await dispatch_once(self.services, self.compute, self.settings)

    async def view(self, job_id: JobId) -> JobView:
        view = await self.services.views.get(job_id)
        assert view is not None
        return view

    async def until(self, holds: Callable[[], bool]) -> None:
        await until(holds, at_most=DEADLINE_SECONDS, told=self._told)

    async def until_status(self, job_id: JobId, *statuses: str) -> JobView:
        views: list[JobView] = []

        async def is_there() -> bool:
            views.append(await self.view(job_id))
            return views[-1].job.status in statuses

        await until(is_there, at_most=DEADLINE_SECONDS, told=self._told)
        return views[-1]

    def _told(self) -> str:
        return f"It took too long. What containers said:\n{self.fake.said()}"

    async def let_it_lapse(self) -> None:
        """Let the time be up of every message that was handed to Modal."""
        async with await psycopg.AsyncConnection.connect(self.settings.owner_url) as connection:
            await connection.execute("UPDATE pgmq.q_job_queue SET vt = now()")

    @property
    def calls(self) -> list[Call]:
        return self.fake.world.calls_of("process_job")

    async def ended(self, job_id: JobId) -> list[JobEvent]:
        await self.until_status(job_id, "completed", "failed", "cancelled")
        return [recorded.event for recorded in await self.services.store.read_stream(job_id)]

    async def kinds(self, job_id: JobId) -> list[str]:
        """The names of the job's events, once it has ended."""
        return [type(event).__name__ for event in await self.ended(job_id)]

    @asynccontextmanager
    async def dispatching(self) -> AsyncIterator[None]:
        """A dispatcher at work beside the block."""
        leaving = asyncio.Event()
        task = asyncio.create_task(dispatch_until(leaving, self.services, self.compute, self.settings))
        try:
            yield
        finally:
            leaving.set()
            await task


@pytest.fixture
async def on_modal(fake: FakeModal, services: Services, settings: Settings) -> OnModal:
    compute = ModalCompute(app_name=settings.modal_app_name, deadline_seconds=settings.modal_deadline_seconds)
    return OnModal(fake, services, settings, compute, bootstrap.job_types(settings))
