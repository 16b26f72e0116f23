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
    "CHECKPOINT_SECONDS",
    "CORS_ORIGINS",
    "DATABASE_IS_POOLED",
    "DATABASE_POOL_SIZE",
    "DATABASE_TIMEOUT_SECONDS",
    "FAIR_MAX_VISIBLE",
    "FAIR_SHARES",
    "GROUP_CONCURRENCY_LIMIT",
    "HTTP_ALLOWED_NETWORKS",
    "IDEMPOTENCY_WAIT_SECONDS",
    "JOB_COMPUTE",
    "JOB_MODULES",
    "JOB_STUCK_TIMEOUT_MINUTES",
    "LEASE_SECONDS",
    "LEDGER_NAME",
    "LOG_LEVEL",
    "METRICS_SECONDS",
    "MODAL_API_CONCURRENCY",
    "MODAL_API_MAX_CONTAINERS",
    "MODAL_API_MIN_CONTAINERS",
    "MODAL_APP_NAME",
    "MODAL_CLAIM_SECONDS",
    "MODAL_DEADLINE_SECONDS",
    "MODAL_IDLE_SECONDS",
    "MODAL_MAX_CONTAINERS",
    "MODAL_MAX_UNCLAIMED",
    "MODAL_SEALS",
    "MODAL_TIMEOUT_SECONDS",
    "POLL_SECONDS",
    "PRIORITY_AGING_SECONDS",
    "QUEUE_MAX_VISIBLE",
    "RATE_LIMIT_PER_ADDRESS",
    "RATE_LIMIT_PER_USER",
    "RELAY_BATCH",
    "REQUEST_TIMEOUT_SECONDS",
    "ROLES_CLAIM",
    "SCALING_MAX_WORKERS",
    "SCALING_MIN_WORKERS",
    "SCALING_TARGET_SECONDS",
    "SEAL_BATCH",
    "SEAL_SECONDS",
    "USER_CONCURRENCY_LIMIT",
    "USER_STARTS_PER_MINUTE",
    "WORKER_THREADS",
)
"""Settings that the image carries to its containers: none is a secret."""


class SecretPlan(NamedTuple):
    """A secret of Modal's, by its name, what it must hold, and what it may hold besides."""

    name: str
    keys: tuple[str, ...]
    optional: tuple[str, ...] = ()


DATABASE = SecretPlan("jobledger-database", ("TRANSACTION_POOLER_URL",), ("LISTEN_URL",))
"""In every container."""
IDENTITY = SecretPlan(
    "jobledger-identity", ("ENVIRONMENT", "SUPABASE_URL"), ("METRICS_TOKEN", "RATE_LIMIT_STORAGE")
)
"""In the API's containers only: who runs jobs need not know who signs tokens."""
LEDGER = SecretPlan("jobledger-ledger", ("LEDGER_KEY",), ("LEDGER_PREVIOUS_KEY",))
"""With MODAL_SEALS, and where the ledger is sealed only: nothing of the users' is loaded there."""

CHECKPOINTS = "jobledger-checkpoints"
CHECKPOINTS_AT = "/checkpoints"
"""The volume that keeps a copy of what was signed, out of the database's reach, and where it is mounted."""


def secrets_of(*, seals: bool) -> tuple[SecretPlan, ...]:
    """The secrets of a deployment, which seals the ledger or leaves that to others."""
    return (DATABASE, IDENTITY, LEDGER) if seals else (DATABASE, IDENTITY)


WEB_SECONDS = 150
"""After so long Modal redirects a request that has no answer, which browsers of other origins refuse."""

JOB_POOL = 2
JOB_TRANSACTIONS = 1
JOB_WATCH = 1
"""Connections of a container that runs jobs, one by one; the watch's only while one blocks the loop."""
JOB_FUNCTIONS = 2
"""`process_job` and `process_sample_job`, each with containers of its own."""
LONE_CONTAINERS = 2
"""`keep_up` and `recover_orphaned_jobs`, one each; and `seal`, where the ledger is sealed on Modal."""


class Connections(NamedTuple):
    """What all containers may take of the database together."""

    jobs: int
    api: int
    schedules: int

    @property
    def total(self) -> int:
        return sum(self)


def connections(
    *, max_containers: int, api_max_containers: int, pool_size: int, seals: bool = False
) -> Connections:
    """At most so many: containers times what each may open."""
    each = JOB_POOL + JOB_TRANSACTIONS + JOB_WATCH
    return Connections(
        jobs=JOB_FUNCTIONS * max_containers * each,
        api=api_max_containers * pool_size,
        schedules=(LONE_CONTAINERS + seals) * JOB_POOL,
    )


def is_on(name: str) -> bool:
    """Whether the environment switches it on, in any of the spellings that settings may have."""
    return os.environ.get(name, "").lower() in {"1", "on", "t", "true", "y", "yes"}


def carried_environment(*without: str) -> dict[str, str]:
    """What the image sets: the settings of who deploys, and the version, which no package tells there."""
    names = {*CARRIED, "JOBLEDGER_VERSION"} - {*without}
    environment = {name: os.environ[name] for name in sorted(names) if os.environ.get(name)}
    with suppress(PackageNotFoundError):
        environment["JOBLEDGER_VERSION"] = version("jobledger")
    return environment


def schema_tag(root: Path) -> dict[str, str]:
    """The newest revision of the schema in this checkout; nothing in a container, which has no migrations."""
    revisions = sorted(path.name[:4] for path in (root / "alembic" / "versions").glob("[0-9]*.py"))
    return {"schema": revisions[-1]} if revisions else {}
