"""What a deployment to Modal consists of, for the app itself and for who deploys it.

Standard library only: the app imports it before anything is installed beside it.
"""

import os
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

CARRIED = (
    "CANCEL_GRACE_SECONDS",
    "DATABASE_IS_POOLED",
    "DATABASE_POOL_SIZE",
    "DATABASE_TIMEOUT_SECONDS",
    "JOB_COMPUTE",
    "JOB_MODULES",
    "JOB_STUCK_TIMEOUT_MINUTES",
    "LEASE_SECONDS",
    "LOG_LEVEL",
    "MODAL_API_CONCURRENCY",
    "MODAL_API_MAX_CONTAINERS",
    "MODAL_API_MIN_CONTAINERS",
    "MODAL_APP_NAME",
    "MODAL_CLAIM_SECONDS",
    "MODAL_DEADLINE_SECONDS",
    "MODAL_MAX_CONTAINERS",
    "MODAL_MAX_UNCLAIMED",
    "MODAL_TIMEOUT_SECONDS",
    "ROLES_CLAIM",
    "WORKER_THREADS",
)
"""Settings that the image carries to its containers: none is a secret."""


class SecretPlan(NamedTuple):
    """A secret of Modal's, by its name, and what it must hold."""

    name: str
    keys: tuple[str, ...]


DATABASE = SecretPlan("jobledger-database", ("TRANSACTION_POOLER_URL",))
"""In every container."""
IDENTITY = SecretPlan("jobledger-identity", ("ENVIRONMENT", "SUPABASE_URL"))
"""In the API's containers only: who runs jobs need not know who signs tokens."""
SECRETS = (DATABASE, IDENTITY)

JOB_POOL = 2
JOB_TRANSACTIONS = 1
JOB_WATCH = 1
"""Connections of a container that runs jobs, one by one; the watch's only while one blocks the loop."""
JOB_FUNCTIONS = 2
"""`process_job` and `process_sample_job`, each with containers of its own."""
LONE_CONTAINERS = 2
"""`keep_up` and `recover_orphaned_jobs`, one each."""


class Connections(NamedTuple):
    """What all containers may take of the database together."""

    jobs: int
    api: int
    schedules: int

    @property
    def total(self) -> int:
        return sum(self)


def connections(*, max_containers: int, api_max_containers: int, pool_size: int) -> Connections:
    """At most so many: containers times what each may open."""
    each = JOB_POOL + JOB_TRANSACTIONS + JOB_WATCH
    return Connections(
        jobs=JOB_FUNCTIONS * max_containers * each,
        api=api_max_containers * pool_size,
        schedules=LONE_CONTAINERS * JOB_POOL,
    )


def carried_environment() -> dict[str, str]:
    """What the image sets: the settings of who deploys, and the version, which no package tells there."""
    environment = {name: os.environ[name] for name in (*CARRIED, "JOBLEDGER_VERSION") if os.environ.get(name)}
    with suppress(PackageNotFoundError):
        environment["JOBLEDGER_VERSION"] = version("jobledger")
    return environment


def schema_tag(root: Path) -> dict[str, str]:
    """The newest revision of the schema in this checkout; nothing in a container, which has no migrations."""
    revisions = sorted(path.name[:4] for path in (root / "alembic" / "versions").glob("[0-9]*.py"))
    return {"schema": revisions[-1]} if revisions else {}
