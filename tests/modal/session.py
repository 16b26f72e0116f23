"""A container killed in the middle of its job, as docs/modal.md shows it: `python -m tests.modal.session`."""

import asyncio
import signal
import sys
import tempfile
from pathlib import Path

import structlog
from pydantic import SecretStr

from adapters.embedded_postgres import EmbeddedPostgres
from adapters.modal_compute import ModalCompute
from entrypoints import bootstrap
from entrypoints.settings import Settings
from tests.fakes.modal.server import FakeModal, fake_modal
from tests.modal.conftest import CARRIED, DATABASE, IDENTITY, JOB_TYPES, OnModal, deploy

TOLD = ("attempt", "cause", "call_id", "result")


def say(line: str) -> None:
    sys.stdout.write(line + "\n")


async def play(fake: FakeModal, settings: Settings) -> None:
    async with bootstrap.open_services(settings) as services:
        compute = ModalCompute(app_name="jobledger", deadline_seconds=10)
        on_modal = OnModal(fake, services, settings, compute, bootstrap.job_types(settings))
        job_id = await on_modal.submit("waits_once")
        async with on_modal.dispatching():
            await on_modal.until_status(job_id, "processing")
            container = fake.container_of(on_modal.calls[0])
            pid = container.process.pid if container.process else None
            say(f"$ kill -9 {pid}   # the container of {on_modal.calls[0].id}")
            fake.kill(container, signal.SIGKILL)
            view = await on_modal.until_status(job_id, "completed")
        say(f"\n$ jobledger history {job_id}")
        for recorded in await services.store.read_stream(job_id):
            event = recorded.event
            told = [f"{name}={getattr(event, name)}" for name in TOLD if hasattr(event, name)]
            kind = f"{type(event).__name__:<18}{recorded.provenance.actor.kind:<8}"
            say(f"{recorded.version}  {recorded.recorded_at:%H:%M:%S}  {kind}{', '.join(told)}".rstrip())
        say(f"\n{view.job.status} by {view.result}, after {len(on_modal.calls)} calls")


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with tempfile.TemporaryDirectory() as folder, fake_modal() as fake:
        modules = Path(folder) / "modules"
        (modules / "jobs_of_a_user").mkdir(parents=True)
        (modules / "jobs_of_a_user" / "__init__.py").touch()
        (modules / "jobs_of_a_user" / "types.py").write_text(JOB_TYPES)
        sys.path.insert(0, str(modules))
        server = EmbeddedPostgres(Path(folder) / "postgres")
        server.start()
        owner_url, url = bootstrap.prepare_embedded(server)
        fake.world.secrets[DATABASE] = {"TRANSACTION_POOLER_URL": url}
        fake.world.secrets[IDENTITY] = {"ENVIRONMENT": "local", "SUPABASE_URL": ""}
        say("$ modal deploy -m entrypoints.modal_app")
        say("deployed" if deploy(fake, modules, **CARRIED).returncode == 0 else "not deployed")
        settings = Settings(
            transaction_pooler_url=SecretStr(url),
            migration_url=SecretStr(owner_url),
            database_is_pooled=False,
            job_compute=["modal"],
            job_modules=["jobs_of_a_user.types"],
            poll_seconds=0.2,
        )
        with fake.as_environment():
            asyncio.run(play(fake, settings))
        server.stop()


if __name__ == "__main__":
    main()
