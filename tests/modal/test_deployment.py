"""What `modal deploy -m entrypoints.modal_app` asks Modal for."""

from importlib.metadata import version
from pathlib import Path

import pytest
from modal_proto import api_pb2

from entrypoints.modal_plan import CARRIED as CARRIED_NAMES
from entrypoints.modal_plan import secrets_of
from entrypoints.settings import Settings
from tests.fakes.modal.server import FakeModal
from tests.fakes.modal.world import MOUNTED_AT, DeployedFunction
from tests.modal.conftest import CARRIED, DATABASE, IDENTITY, ROOT, deploy

NOT_ON_MODAL = {
    # Where a resident process listens, and keeps what is its own.
    "API_HOST", "API_PORT", "METRICS_HOST", "METRICS_PORT", "DATA_DIRECTORY", "CHECKPOINT_DIRECTORY",
    # Schedules and containers decide it there.
    "DRAIN_SECONDS", "RECOVERY_MINUTES", "STATISTICS_SECONDS",
    "WORKER_BATCH", "WORKER_CONCURRENCY", "WORKER_TRANSACTIONS", "WORKER_WARDS",
    # For who deploys: the owner's connection above all.
    "MIGRATION_URL", "MODAL_MAX_CONNECTIONS",
    # Nothing here needs them.
    "SUPABASE_PUBLISHABLE_KEY", "SUPABASE_SECRET_KEY",
}  # fmt: skip
FUNCTIONS = ["api", "keep_up", "process_job", "process_sample_job", "recover_orphaned_jobs"]


@pytest.fixture
def functions(deployed: FakeModal) -> dict[str, DeployedFunction]:
    return {name: deployed.world.deployed(name) for name in FUNCTIONS}


def files_of(*folders: str) -> set[str]:
    return {
        f"{MOUNTED_AT}/{path.relative_to(ROOT)}"
        for folder in folders
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_every_function_is_published_under_the_apps_name(deployed: FakeModal) -> None:
    published = deployed.world.published[0]

    assert published.name == "jobledger"
    assert sorted(published.function_ids) == FUNCTIONS


def test_schedules_run_recovery_and_what_keeps_up(functions: dict[str, DeployedFunction]) -> None:
    scheduled = {
        name: function.definition.schedule.period.minutes
        for name, function in functions.items()
        if function.definition.schedule.WhichOneof("schedule_oneof")
    }

    assert scheduled == {"recover_orphaned_jobs": 15, "keep_up": 1}


def test_modal_never_tries_an_attempt_again_by_itself(functions: dict[str, DeployedFunction]) -> None:
    assert [function.definition.retry_policy.retries for function in functions.values()] == [0] * 5


def test_time_and_containers_are_bounded(functions: dict[str, DeployedFunction]) -> None:
    bounds = {
        name: (function.definition.timeout_secs, function.max_containers)
        for name, function in functions.items()
    }

    assert bounds == {
        "api": (86_400, 4),
        "keep_up": (300, 1),
        "process_job": (7200, 10),
        "process_sample_job": (7200, 10),
        "recover_orphaned_jobs": (900, 1),
    }


def test_the_api_is_an_asgi_app_that_serves_many_requests_at_once(
    functions: dict[str, DeployedFunction],
) -> None:
    definition = functions["api"].definition

    assert definition.webhook_config.type == api_pb2.WEBHOOK_TYPE_ASGI_APP
    assert definition.max_concurrent_inputs == 100
    assert functions["process_job"].definition.max_concurrent_inputs == 0


def test_containers_get_our_packages_whole_and_nothing_else(
    deployed: FakeModal, functions: dict[str, DeployedFunction]
) -> None:
    mounted = deployed.world.mounted(functions["process_job"])
    ours = files_of("domain", "adapters", "entrypoints")
    theirs = {f"{MOUNTED_AT}/jobs_of_a_user/{name}.py" for name in ("__init__", "types")}

    assert set(mounted) == ours | theirs
    assert (
        mounted[f"{MOUNTED_AT}/adapters/postgres/sql/dispatches/take.sql"]
        == (ROOT / "adapters/postgres/sql/dispatches/take.sql").read_bytes()
    )


def test_the_image_is_made_of_the_pinned_requirements(
    deployed: FakeModal, functions: dict[str, DeployedFunction]
) -> None:
    image_id = functions["process_job"].definition.image_id
    context = deployed.world.context_files(image_id)

    assert context == {"/.requirements.txt": (ROOT / "requirements.txt").read_bytes()}
    assert "RUN python -m pip install -r /.requirements.txt" in deployed.world.dockerfile(image_id)


def test_the_image_carries_the_settings_of_who_deployed_and_no_secret(
    deployed: FakeModal, functions: dict[str, DeployedFunction]
) -> None:
    carried = deployed.world.image_environment(functions["process_job"].definition.image_id)

    assert carried == CARRIED | {"JOBLEDGER_VERSION": version("jobledger")}


def test_every_setting_that_means_something_on_modal_gets_there() -> None:
    plans = secrets_of(seals=True)
    there = {*CARRIED_NAMES, *(key for plan in plans for key in (*plan.keys, *plan.optional))}

    assert there & NOT_ON_MODAL == set()
    assert there | NOT_ON_MODAL == {name.upper() for name in Settings.model_fields}


def test_only_the_api_knows_who_signs_tokens(
    deployed: FakeModal, functions: dict[str, DeployedFunction]
) -> None:
    known = {
        name: sorted(
            key
            for secret_id in function.definition.secret_ids
            for key in deployed.world.secret_ids[secret_id]
            if key != "DATA_DIRECTORY"
        )
        for name, function in functions.items()
    }

    assert known.pop("api") == ["ENVIRONMENT", "SUPABASE_URL", "TRANSACTION_POOLER_URL"]
    assert list(known.values()) == [["TRANSACTION_POOLER_URL"]] * 4


def test_a_deployment_again_changes_no_functions_id(deployed: FakeModal, job_modules: Path) -> None:
    before = {function.name: function.id for function in deployed.world.functions.values()}
    done = deploy(deployed, job_modules, **CARRIED)
    after = {function.name: function.id for function in deployed.world.functions.values()}

    assert done.returncode == 0, done.stdout + done.stderr
    assert after == before


@pytest.mark.parametrize(
    ("secret", "key", "told"),
    [
        (DATABASE, None, "jobledger-database"),
        (IDENTITY, "SUPABASE_URL", "SUPABASE_URL"),
    ],
)
def test_a_deployment_without_its_secrets_fails_and_names_them(
    deployed: FakeModal, job_modules: Path, secret: tuple[str, str], key: str | None, told: str
) -> None:
    held = deployed.world.secrets[secret]
    published = len(deployed.world.published)
    if key is None:
        del deployed.world.secrets[secret]
    else:
        deployed.world.secrets[secret] = {name: value for name, value in held.items() if name != key}
    try:
        done = deploy(deployed, job_modules, **CARRIED)
    finally:
        deployed.world.secrets[secret] = held

    assert done.returncode != 0
    assert told in done.stdout + done.stderr
    assert len(deployed.world.published) == published


def test_by_its_path_the_app_is_not_deployed(deployed: FakeModal, job_modules: Path) -> None:
    published = len(deployed.world.published)
    done = deploy(deployed, job_modules, "entrypoints/modal_app.py", **CARRIED)

    assert done.returncode != 0
    assert "modal deploy -m entrypoints.modal_app" in done.stdout + done.stderr
    assert len(deployed.world.published) == published
