"""`jobledger doctor` over a real database: what is well is well, and each fault that is planted is named."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from adapters.system import SystemClock
from domain.doctor.findings import Finding, Verdict
from domain.identifiers import WorkerId
from domain.ports.workers import Presence
from entrypoints import bootstrap
from entrypoints.doctor import examine
from entrypoints.keep_up import keep_up_for
from entrypoints.modal_sealer import seal_for
from entrypoints.recovery import sweep_once
from entrypoints.services import Services
from entrypoints.settings import Environment, Settings
from tests.builders import submission
from tests.conftest import TestDatabase
from tests.end_to_end.up import free_port
from tests.fakes.remote_compute import FakeRemoteCompute
from tests.pgbouncer import pgbouncer, skip_without_pgbouncer

NOT_OK = (Verdict.WARNING, Verdict.ERROR, Verdict.UNKNOWN)


@pytest.fixture
async def well(services: Services, settings: Settings) -> Settings:
    """A service with a worker and a sweep, in a directory that exists; only its API does not answer."""
    settings.data_directory.mkdir()
    presence = Presence(WorkerId("worker-1"), "local", tuple(services.types.names()), 10, 0)
    await services.workers.beat(presence, alive_for_seconds=60)
    await sweep_once(services, settings)
    while await services.statistics.advance(limit=1000):
        pass
    while await services.sealing.seal(limit=1000):
        pass
    return settings


async def findings(settings: Settings) -> dict[str, Finding]:
    return {finding.check: finding for finding in await examine(settings, SystemClock())}


async def faults(settings: Settings) -> dict[str, str]:
    """What is not well, without the issuer of a local service, which is the API that does not run here."""
    found = await findings(settings)
    return {
        check: finding.verdict.value
        for check, finding in found.items()
        if finding.verdict in NOT_OK and check != "tokens"
    }


@pytest.mark.parametrize("place", ["environment", "file"])
async def test_a_setting_whose_name_is_nearly_right_is_named(
    well: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.chdir(tmp_path)
    if place == "environment":
        monkeypatch.setenv("LEASE_SECOND", "60")
    else:
        (tmp_path / ".env").write_text("LEASE_SECOND=60\nSOMEBODY_ELSES=1\n")
    found = (await findings(well))["settings"]

    assert (found.verdict, found.told) == (Verdict.WARNING, "LEASE_SECOND is no setting; LEASE_SECONDS is.")


def with_settings(settings: Settings, **changed: Any) -> Settings:
    return settings.model_copy(update=changed)


async def test_a_service_that_is_well_has_no_faults(well: Settings) -> None:
    assert await faults(well) == {}
    assert len(await findings(well)) > 15


async def test_a_service_of_which_nothing_is_resident_has_no_faults_between_its_calls(
    services: Services, settings: Settings
) -> None:
    settings.data_directory.mkdir()
    on_modal = with_settings(settings, job_compute=["modal"], modal_seals=True, modal_idle_seconds=0.2)
    await sweep_once(services, on_modal)
    await keep_up_for(services, FakeRemoteCompute(), on_modal)
    keys, copies = bootstrap.signing_keys(on_modal), bootstrap.checkpoint_copies(on_modal)
    await seal_for(services, keys, copies, on_modal)

    assert await faults(on_modal) == {}


async def test_every_fault_comes_with_what_to_do(well: Settings, database: TestDatabase) -> None:
    with psycopg.connect(database.owner_url) as owner:
        owner.execute("REVOKE INSERT ON jobledger.job_events FROM jobledger_service")
    found = await examine(with_settings(well, listen_url=None), SystemClock())

    assert [finding.check for finding in found if finding.verdict in NOT_OK and not finding.advice] == []


Plant = Callable[[Settings, psycopg.Connection[Any], Path], Settings | None]


def _nobody_listens_there(settings: Settings, owner: psycopg.Connection[Any], directory: Path) -> Settings:
    return with_settings(
        settings, transaction_pooler_url=SecretStr(f"postgresql://nobody@127.0.0.1:{free_port()}/none")
    )


def _grant_is_revoked(settings: Settings, owner: psycopg.Connection[Any], directory: Path) -> None:
    owner.execute("REVOKE INSERT ON jobledger.job_events FROM jobledger_service")


def _schema_is_old(settings: Settings, owner: psycopg.Connection[Any], directory: Path) -> None:
    owner.execute("UPDATE jobledger.alembic_version SET version_num = '0001'")


def _months_run_out(settings: Settings, owner: psycopg.Connection[Any], directory: Path) -> None:
    ahead = owner.execute(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'jobledger.job_events'::regclass "
        "AND inhrelid::regclass::text > 'jobledger.job_events_' || to_char(now(), 'YYYY_MM')"
    ).fetchall()
    for (month,) in ahead:
        owner.execute(f"DROP TABLE {month}")


def _pooler_is_claimed(settings: Settings, owner: psycopg.Connection[Any], directory: Path) -> Settings:
    return with_settings(settings, database_is_pooled=True)


def _queue_is_gone(settings: Settings, owner: psycopg.Connection[Any], directory: Path) -> None:
    owner.execute("SELECT pgmq.drop_queue('job_queue')")


def _disk_is_a_file(settings: Settings, owner: psycopg.Connection[Any], directory: Path) -> Settings:
    (directory / "file").touch()
    return with_settings(settings, data_directory=directory / "file")


def _checkpoints_go_nowhere(settings: Settings, owner: psycopg.Connection[Any], directory: Path) -> Settings:
    return with_settings(settings, checkpoint_directory=directory / "not mounted")


def _relay_is_gone(settings: Settings, owner: psycopg.Connection[Any], directory: Path) -> None:
    owner.execute("UPDATE jobledger.outbox SET available_at = available_at - interval '1 hour'")


def _workers_are_gone(settings: Settings, owner: psycopg.Connection[Any], directory: Path) -> None:
    owner.execute("DELETE FROM jobledger.workers")


def _worker_is_old(settings: Settings, owner: psycopg.Connection[Any], directory: Path) -> None:
    owner.execute("UPDATE jobledger.workers SET job_types = '{another}'")


def _message_is_parked(settings: Settings, owner: psycopg.Connection[Any], directory: Path) -> None:
    owner.execute("INSERT INTO jobledger.parked (source, body, error) VALUES ('queue', '{}', 'no job')")


def _sealer_is_gone(settings: Settings, owner: psycopg.Connection[Any], directory: Path) -> None:
    for table in ("job_events", "ledger_ticks"):
        owner.execute(f"ALTER TABLE jobledger.{table} DISABLE TRIGGER USER")
    owner.execute("DELETE FROM jobledger.ledger_ticks")
    owner.execute("UPDATE jobledger.job_events SET recorded_at = recorded_at - interval '1 hour'")


def _owner_serves(settings: Settings, owner: psycopg.Connection[Any], directory: Path) -> Settings:
    return with_settings(settings, transaction_pooler_url=settings.migration_url)


def _module_is_missing(settings: Settings, owner: psycopg.Connection[Any], directory: Path) -> Settings:
    return with_settings(settings, job_modules=["nowhere.to_be_found"])


def _nothing_listens(settings: Settings, owner: psycopg.Connection[Any], directory: Path) -> Settings:
    return with_settings(settings, listen_url=None)


FAULTS: list[tuple[Plant, dict[str, str]]] = [
    (_nobody_listens_there, {"database": "error", "work": "unknown"}),
    (_grant_is_revoked, {"grants": "error"}),
    (_schema_is_old, {"migrations": "error", "work": "unknown"}),
    (_months_run_out, {"partitions": "error"}),
    (_pooler_is_claimed, {"pooler": "warning"}),
    (_queue_is_gone, {"queue": "error", "work": "unknown"}),
    (_disk_is_a_file, {"data directory": "error"}),
    (_checkpoints_go_nowhere, {"checkpoint directory": "error"}),
    (_relay_is_gone, {"relay": "error"}),
    (_workers_are_gone, {"workers": "error"}),
    (_worker_is_old, {"job types": "error"}),
    (_message_is_parked, {"parked": "warning"}),
    (_owner_serves, {"role": "warning"}),
    (_module_is_missing, {"settings": "error", "work": "unknown"}),
    (_nothing_listens, {"hints": "warning"}),
    (_sealer_is_gone, {"ledger": "error"}),
]


@pytest.mark.parametrize(("plant", "named"), FAULTS, ids=[plant.__name__[1:] for plant, _ in FAULTS])
async def test_a_planted_fault_is_named_and_nothing_else(
    well: Settings,
    services: Services,
    database: TestDatabase,
    tmp_path: Path,
    plant: Plant,
    named: dict[str, str],
) -> None:
    await services.store.append([submission()])
    while await services.statistics.advance(limit=1000):
        pass
    while await services.sealing.seal(limit=1000):
        pass
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        changed = plant(well, owner, tmp_path)

    assert await faults(changed or well) == named


async def test_a_clock_that_is_wrong_is_named(well: Settings) -> None:
    @dataclass
    class Wrong:
        seconds: float

        def now(self) -> Any:
            return SystemClock().now() + timedelta(seconds=self.seconds)

        async def sleep(self, seconds: float) -> None: ...

    verdicts = [
        next(finding.verdict for finding in await examine(well, Wrong(seconds)) if finding.check == "clock")
        for seconds in (0, 10, -3600)
    ]

    assert verdicts == [Verdict.OK, Verdict.WARNING, Verdict.ERROR]


@asynccontextmanager
async def issuing(jwks: object) -> AsyncIterator[str]:
    """An issuer on loopback that publishes whatever it is given."""
    body = json.dumps(jwks).encode()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize("jwks", [{"keys": [{"kty": "oct", "kid": "shared", "k": "c2VjcmV0"}]}, {}, []])
async def test_an_issuer_without_a_usable_key_is_named(well: Settings, jwks: object) -> None:
    async with issuing(jwks) as url:
        found = await findings(with_settings(well, environment=Environment.PROD, supabase_url=url))

    assert found["tokens"].verdict is Verdict.ERROR


async def test_an_issuer_that_cannot_be_reached_is_an_error_unless_it_is_the_local_service(
    well: Settings,
) -> None:
    elsewhere = with_settings(
        well, environment=Environment.PROD, supabase_url=f"http://127.0.0.1:{free_port()}"
    )
    here = with_settings(well, api_port=free_port())

    assert (await findings(elsewhere))["tokens"].verdict is Verdict.ERROR
    assert (await findings(here))["tokens"].verdict is Verdict.WARNING


async def test_a_pooler_that_nobody_mentioned_is_named_and_so_are_hints_that_go_through_it(
    well: Settings, database: TestDatabase
) -> None:
    skip_without_pgbouncer()
    # Not in pytest's own folder, which is closed to the server's user.
    with (
        tempfile.TemporaryDirectory(prefix="jobledger-pooler-") as directory,
        pgbouncer(Path(directory), database.url) as pooler,
    ):
        through = SecretStr(pooler.url(database.url))
        unsaid = await faults(with_settings(well, transaction_pooler_url=through))
        said = await faults(
            with_settings(well, transaction_pooler_url=through, database_is_pooled=True, listen_url=through)
        )

    assert unsaid == {"pooler": "error"}
    assert said == {"hints": "error"}


def test_the_command_prints_json_and_its_exit_code_says_whether_it_works(tmp_path: Path) -> None:
    nowhere = f"postgresql://nobody@127.0.0.1:{free_port()}/none"
    environment = os.environ | {"TRANSACTION_POOLER_URL": nowhere, "DATA_DIRECTORY": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "entrypoints.cli", "doctor", "--json"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    told = {finding["check"]: finding for finding in json.loads(done.stdout)}

    assert done.returncode == 1
    assert told["database"]["verdict"] == "error"
    assert "TRANSACTION_POOLER_URL" in told["database"]["advice"]


def test_settings_that_cannot_be_read_are_a_finding_too(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "entrypoints.cli", "doctor", "--table"],
        env=os.environ | {"API_PORT": "many", "DATA_DIRECTORY": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "API_PORT" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
