"""`jobledger deploy` and `jobledger modal-secrets`, against the fake."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from adapters.migrations import revisions
from domain.errors import InvalidSettings
from entrypoints import modal_bootstrap
from entrypoints.cli.deploy import Target, find_problems, make_secret, modal_secrets
from entrypoints.modal_plan import LEDGER, connections
from entrypoints.settings import Settings, load_settings
from tests.conftest import TestDatabase
from tests.fakes.modal.server import FakeModal, fake_modal
from tests.modal.conftest import ROOT

HELD = {
    "jobledger-database": {"TRANSACTION_POOLER_URL": "postgresql://somewhere"},
    "jobledger-identity": {"ENVIRONMENT": "dev", "SUPABASE_URL": "https://somebody.supabase.co"},
}


@pytest.fixture
def in_dev(deployed: FakeModal) -> Iterator[FakeModal]:
    """The fake, with the secrets in its environment `dev`."""
    for name, values in HELD.items():
        deployed.world.secrets[("dev", name)] = dict(values)
    yield deployed
    for name in HELD:
        deployed.world.secrets.pop(("dev", name), None)
    deployed.world.tags.clear()


def jobledger(fake: FakeModal, database: TestDatabase, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """The command as an operator types it."""
    settings = {
        "TRANSACTION_POOLER_URL": database.url,
        "MIGRATION_URL": database.owner_url,
        "ENVIRONMENT": "dev",
        "SUPABASE_URL": "https://somebody.supabase.co",
        "MODAL_MAX_CONTAINERS": "7",
    }
    return subprocess.run(
        [sys.executable, "-m", "entrypoints.cli", *arguments],
        cwd=ROOT,
        env=os.environ | fake.environment() | settings,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def set_revision(database: TestDatabase, revision: str) -> None:
    with psycopg.connect(database.owner_url) as owner:
        owner.execute("UPDATE jobledger.alembic_version SET version_num = %s", [revision])


@pytest.fixture
def untouched() -> Iterator[FakeModal]:
    """A fake of the test's own: what it deploys would take the place of what other tests look at."""
    with fake_modal() as fake:
        yield fake


def test_secrets_are_made_and_then_everything_is_deployed(
    untouched: FakeModal, database: TestDatabase
) -> None:
    refused = jobledger(untouched, database, "deploy", "dev")
    printed = jobledger(untouched, database, "modal-secrets", "dev")
    made = jobledger(untouched, database, "modal-secrets", "dev", "--create")
    done = jobledger(untouched, database, "deploy", "dev")
    app_id = untouched.world.apps[("dev", "jobledger")]
    jobs = untouched.world.deployed("process_job", app_id)

    assert refused.returncode == 2
    assert refused.stderr.count("jobledger modal-secrets dev") == 2
    assert 'SUPABASE_URL="$SUPABASE_URL"' in printed.stdout
    assert database.url not in printed.stdout + made.stdout
    assert untouched.world.secrets[("dev", "jobledger-database")] == {"TRANSACTION_POOLER_URL": database.url}
    assert done.returncode == 0, done.stdout + done.stderr
    # Modal tells of calls that block the loop in warnings alone.
    assert "Warning" not in refused.stderr + made.stderr + done.stderr
    assert "The API is at https://fake--api.modal.test" in done.stdout
    assert jobs.max_containers == 7
    assert untouched.world.image_environment(jobs.definition.image_id)["MODAL_MAX_CONTAINERS"] == "7"
    assert untouched.world.tags[app_id] == {"schema": [*revisions()][-1]}


async def test_nothing_stands_against_it_when_all_is_there(in_dev: FakeModal, settings: Settings) -> None:
    assert await find_problems(settings, Target.DEV) == []


async def test_a_missing_secret_and_a_missing_key_are_named(in_dev: FakeModal, settings: Settings) -> None:
    del in_dev.world.secrets[("dev", "jobledger-database")]
    del in_dev.world.secrets[("dev", "jobledger-identity")]["ENVIRONMENT"]
    problems = await find_problems(settings, Target.DEV)

    assert [problem.split(" with")[0] for problem in problems] == [
        "The secret jobledger-database",
        "The secret jobledger-identity",
    ]


@pytest.mark.parametrize(
    ("revision", "told"), [("0001", "run `jobledger migrate` first"), ("9999", "this checkout does not know")]
)
async def test_a_schema_that_is_not_this_checkouts_is_refused(
    in_dev: FakeModal, settings: Settings, database: TestDatabase, revision: str, told: str
) -> None:
    set_revision(database, revision)
    (problem,) = await find_problems(settings, Target.DEV)

    assert told in problem


async def test_a_schema_that_the_running_containers_cannot_bear_is_refused(
    in_dev: FakeModal, settings: Settings, database: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_dev.world.apps[("dev", "jobledger")] = "ap-dev"
    in_dev.world.tags["ap-dev"] = {"schema": "0003"}
    monkeypatch.setattr(
        modal_bootstrap,
        "schema_revisions",
        lambda: {"0002": False, "0003": True, "0098": True, "0099": False},
    )
    set_revision(database, "0099")
    (problem,) = await find_problems(settings, Target.DEV)

    assert "know the schema up to 0003 and cannot go on over 0099" in problem


async def test_where_the_ledger_is_sealed_its_key_must_be_there_too(
    in_dev: FakeModal, settings: Settings
) -> None:
    sealing = settings.model_copy(update={"modal_seals": True})
    without = await find_problems(sealing, Target.DEV)
    in_dev.world.secrets[("dev", "jobledger-ledger")] = {"LEDGER_PREVIOUS_KEY": "another"}
    (without_key,) = await find_problems(sealing, Target.DEV)
    in_dev.world.secrets[("dev", "jobledger-ledger")] = {"LEDGER_KEY": "secret"}
    with_key = await find_problems(sealing, Target.DEV)
    del in_dev.world.secrets[("dev", "jobledger-ledger")]

    assert without == [without_key]
    assert without_key.startswith("The secret jobledger-ledger with LEDGER_KEY is not in dev")
    assert with_key == []


def test_the_ledgers_secret_is_made_where_it_is_needed_with_both_keys_while_one_is_replaced(
    deployed: FakeModal, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = []
    for name, value in (("LOG_LEVEL", "INFO"), ("MODAL_SEALS", "true"), ("LEDGER_PREVIOUS_KEY", "older")):
        monkeypatch.setenv(name, value)
        modal_secrets(Target.DEV)
        printed.append(capsys.readouterr().out.splitlines())
    with pytest.raises(InvalidSettings, match="LEDGER_KEY is not set, and jobledger-ledger must hold it"):
        make_secret(load_settings(), LEDGER, Target.DEV)
    monkeypatch.setenv("LEDGER_KEY", "newer")
    make_secret(load_settings(), LEDGER, Target.DEV)
    made = deployed.world.secrets.pop(("dev", "jobledger-ledger"))

    assert [len(lines) for lines in printed] == [2, 3, 3]
    assert printed[1][2].endswith('--force jobledger-ledger LEDGER_KEY="$LEDGER_KEY"')
    assert printed[2][2].endswith('LEDGER_KEY="$LEDGER_KEY" LEDGER_PREVIOUS_KEY="$LEDGER_PREVIOUS_KEY"')
    assert made == {"LEDGER_KEY": "newer", "LEDGER_PREVIOUS_KEY": "older"}


async def test_requests_must_end_before_modal_redirects_them(in_dev: FakeModal, settings: Settings) -> None:
    patient = settings.model_copy(update={"request_timeout_seconds": 150.0})
    (problem,) = await find_problems(patient, Target.DEV)

    assert problem.startswith("REQUEST_TIMEOUT_SECONDS=150 is longer than Modal waits")


async def test_more_connections_than_the_database_bears_are_refused(
    in_dev: FakeModal, settings: Settings
) -> None:
    greedy = settings.model_copy(update={"modal_max_containers": 100})
    (problem,) = await find_problems(greedy, Target.DEV)

    assert problem.startswith(
        "Containers may take 836 connections of MODAL_MAX_CONNECTIONS=120: 800 for jobs"
    )


def test_connections_are_containers_times_what_each_opens() -> None:
    with_sealer = connections(max_containers=10, api_max_containers=4, pool_size=8, seals=True)

    assert connections(max_containers=10, api_max_containers=4, pool_size=8) == (80, 32, 4)
    assert with_sealer == (80, 32, 6)


def test_a_migration_says_when_running_code_cannot_go_on_over_it(tmp_path: Path) -> None:
    (tmp_path / "versions").mkdir()
    for revision, before, rest in (("0001", None, ""), ("0002", "0001", "breaks_running_code = True\n")):
        text = f"revision = {revision!r}\ndown_revision = {before!r}\n{rest}"
        (tmp_path / "versions" / f"{revision}.py").write_text(text)

    assert revisions(tmp_path) == {"0001": True, "0002": False}
