"""The ledger sealed on Modal, by a container that has its key and none of the users' code."""

import base64
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.ed25519 import Ed25519Signer
from domain.identifiers import JobId
from domain.ledger.lines import line
from domain.ledger.notes import LogKey, parse_checkpoint, parse_note
from domain.ports.ledger_reading import EVERYTHING
from domain.use_cases.cancel import cancel_job
from domain.use_cases.export import Export, begin, export
from entrypoints.services import Services
from entrypoints.settings import Settings
from tests.builders import provenance, submission
from tests.conftest import TestDatabase
from tests.fakes.modal.server import UNNAMED, FakeModal, fake_modal
from tests.fakes.modal.world import MOUNTED_AT, DeployedFunction
from tests.modal.conftest import CARRIED, DATABASE, DEADLINE_SECONDS, IDENTITY, ROOT, deploy
from tests.waiting import until

SEED = b"\5" * 32
KEY = base64.b64encode(SEED).decode()
LEDGER = (UNNAMED, "jobledger-ledger")
VOLUME = f"vo-{UNNAMED}-jobledger-checkpoints"
SEALING = CARRIED | {"MODAL_SEALS": "true"}

CURIOUS = """
import os
import modal
from typing import Any
from domain.job_types import JobContext, job_type

@job_type("curious")
async def curious(context: JobContext, parameters: dict[str, Any]) -> dict[str, Any]:
    try:
        await modal.Secret.from_name("jobledger-ledger").hydrate.aio()
        asked = "answered"
    except modal.exception.PermissionDeniedError:
        asked = "refused"
    return {"keys": sorted(name for name in os.environ if name.startswith("LEDGER")), "asked": asked}
"""


@pytest.fixture(scope="module")
def sealing(job_modules: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeModal]:
    modules = tmp_path_factory.mktemp("curious")
    (modules / "jobs_of_a_user").mkdir()
    (modules / "jobs_of_a_user" / "__init__.py").touch()
    types = (job_modules / "jobs_of_a_user" / "types.py").read_text()
    (modules / "jobs_of_a_user" / "types.py").write_text(types + CURIOUS)
    with fake_modal() as fake:
        fake.world.secrets[DATABASE] = {"TRANSACTION_POOLER_URL": "postgresql://not-yet"}
        fake.world.secrets[IDENTITY] = {"ENVIRONMENT": "local", "SUPABASE_URL": ""}
        fake.world.secrets[LEDGER] = {"LEDGER_KEY": KEY}
        done = deploy(fake, modules, **SEALING)
        assert done.returncode == 0, done.stdout + done.stderr
        yield fake


@pytest.fixture
def fake(sealing: FakeModal, database: TestDatabase) -> Iterator[FakeModal]:
    """The fake, with a secret that leads its containers to this test's database, and an empty volume."""
    sealing.world.secrets[DATABASE]["TRANSACTION_POOLER_URL"] = database.url
    yield sealing
    sealing.empty()
    (sealing.world.volumes[VOLUME] / "checkpoint").unlink(missing_ok=True)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"job_compute": ["modal"]})


@pytest.fixture
def functions(sealing: FakeModal) -> dict[str, DeployedFunction]:
    return {function.name: function for function in sealing.world.functions.values()}


def published(fake: FakeModal) -> str:
    """The copy of the last checkpoint, on the volume."""
    return (fake.world.volumes[VOLUME] / "checkpoint").read_text(encoding="utf-8")


async def until_status(services: Services, job_id: JobId, status: str) -> None:
    async def is_there() -> bool:
        view = await services.views.get(job_id)
        return view is not None and view.job.status == status

    await until(is_there, at_most=DEADLINE_SECONDS)


def tick(fake: FakeModal) -> int:
    """One tick of the schedule; how many events it sealed."""
    return int(fake.result(fake.call("seal"))["sealed"])


def run(fake: FakeModal, job_id: str, job_type: str) -> None:
    """Call for the job as its user would, and wait for what comes of it."""
    call = fake.call("process_sample_job", job_id=job_id, job_type=job_type, user_id="user-1")
    assert fake.result(call)["status"] == "completed"


async def types_of(services: Services) -> list[str]:
    return [event.envelope.type for event in await services.ledger.read(EVERYTHING, after=0, limit=1000)]


def test_the_key_goes_where_the_ledger_is_sealed_and_nowhere_else(
    sealing: FakeModal, functions: dict[str, DeployedFunction]
) -> None:
    holders = [
        name
        for name, function in functions.items()
        for secret_id in function.definition.secret_ids
        if "LEDGER_KEY" in sealing.world.secret_ids[secret_id]
    ]
    environment = {
        name: sealing.world.image_environment(function.definition.image_id)
        for name, function in functions.items()
    }

    assert holders == ["seal"]
    assert [name for name, held in environment.items() if "CHECKPOINT_DIRECTORY" in held] == ["seal"]
    assert [name for name, held in environment.items() if "JOB_MODULES" not in held] == ["seal"]


def test_users_code_is_not_there_and_no_other_function_has_the_volume(
    sealing: FakeModal, functions: dict[str, DeployedFunction]
) -> None:
    packages = {
        name.removeprefix(f"{MOUNTED_AT}/").split("/")[0] for name in sealing.world.mounted(functions["seal"])
    }
    mounts = {
        name: [mount.mount_path for mount in function.definition.volume_mounts]
        for name, function in functions.items()
        if function.definition.volume_mounts
    }

    assert packages == {"adapters", "domain", "entrypoints"}
    assert mounts == {"seal": ["/checkpoints"]}


def test_functions_that_run_users_code_cannot_ask_modal_for_anything(
    functions: dict[str, DeployedFunction],
) -> None:
    restricted = sorted(name for name, function in functions.items() if function.definition.untrusted)

    assert restricted == ["process_job", "process_sample_job"]


def test_it_runs_every_minute_alone_and_is_not_kept_warm(functions: dict[str, DeployedFunction]) -> None:
    definition = functions["seal"].definition

    assert definition.schedule.period.minutes == 1
    assert (functions["seal"].max_containers, definition.retry_policy.retries) == (1, 0)
    assert definition.autoscaler_settings.scaledown_window == 2


async def write_export(services: Services, path: Path) -> Path:
    whole = Export(EVERYTHING)
    tree = await begin(services.ledger, whole)
    path.write_bytes(
        b"".join([line(fields) async for fields in export(services.ledger, tree, whole, about={})])
    )
    return path


def audit_verify(path: Path, origin: str) -> "subprocess.CompletedProcess[str]":
    """As an auditor types it, who knows the ledger's public key and nothing else."""
    key = LogKey(origin, Ed25519Signer(origin, SEED).public_key)
    return subprocess.run(
        [sys.executable, "-m", "entrypoints.cli", "audit", "verify", str(path), "--key", str(key)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


async def test_a_completed_job_is_sealed_by_the_schedule_and_can_be_proven(
    fake: FakeModal, services: Services, tmp_path: Path
) -> None:
    change = submission(job_type="curious")
    await services.store.append([change])
    run(fake, change.job_id, "curious")
    sealed = tick(fake)
    kinds = await types_of(services)
    checkpoint = parse_checkpoint(parse_note(published(fake)).body)
    verified = audit_verify(await write_export(services, tmp_path / "export.ndjson"), checkpoint.origin)
    view = await services.views.get(change.job_id)

    assert kinds == [
        "JobSubmitted", "AttemptDispatched", "AttemptStarted", "JobCompleted",
        "LedgerKeysChanged", "LedgerStarted", "LedgerStopped",
    ]  # fmt: skip
    assert (sealed, checkpoint.size) == (7, 7)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert fake.world.committed[VOLUME] > 0
    assert view is not None
    assert view.result == {"keys": [], "asked": "refused"}


async def test_what_is_recorded_wakes_who_seals_it_and_what_is_sealed_wakes_who_hands_it_over(
    fake: FakeModal, services: Services
) -> None:
    await services.store.append([submission()])
    fake.call("keep_up")
    await until(lambda: len(fake.world.calls_of("seal")) > 0, at_most=DEADLINE_SECONDS)
    await until(lambda: len(fake.world.calls_of("keep_up")) > 1, at_most=DEADLINE_SECONDS)
    sealed = fake.result(fake.world.calls_of("seal")[0])["sealed"]

    assert sealed > 0


async def test_a_container_that_may_not_ask_modal_ends_by_itself_what_ignores_its_cancellation(
    fake: FakeModal, services: Services
) -> None:
    change = submission(job_type="stubborn")
    await services.store.append([change])
    call = fake.call("process_sample_job", job_id=change.job_id, job_type="stubborn", user_id="user-1")
    await until_status(services, change.job_id, "processing")
    container = fake.container_of(call)
    await cancel_job(services.store, services.hints, job_id=change.job_id, provenance=provenance())
    await until(lambda: container in fake.ended, at_most=DEADLINE_SECONDS)
    again = fake.result(call)
    events = [recorded.event for recorded in await services.store.read_stream(change.job_id)]

    # Modal makes the call again, in a container that finds it claimed.
    assert again["attempt"] is None
    assert [type(event).__name__ for event in events][-2:] == ["CancellationRequested", "JobCancelled"]
