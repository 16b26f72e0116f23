"""What can be set, from the environment or a `.env` file; documented in docs/settings.md."""

from collections.abc import Mapping
from difflib import get_close_matches
from enum import StrEnum
from ipaddress import ip_network
from pathlib import Path

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import SettingsConfigDict

from domain.errors import InvalidSettings
from domain.routes import COMPUTES, LOCAL, Routes
from entrypoints.client_settings import ClientSettings, Names
from entrypoints.limit_settings import LimitSettings
from entrypoints.modal_settings import ModalSettings

# As much of a name must be right, of 1; below it, other people's variables would look like ours.
ALIKE = 0.88


class Environment(StrEnum):
    LOCAL = "local"
    DEV = "dev"
    PROD = "prod"


def _routes(parts: list[str]) -> Routes:
    """The routes that JOB_COMPUTE spells; raises ValueError."""
    default = LOCAL
    by_type: dict[str, str] = {}
    for part in parts:
        name, is_of_type, compute = part.rpartition("=")
        if compute not in COMPUTES:
            raise ValueError(f"{compute!r} is no compute; known are {' and '.join(COMPUTES)}")
        if is_of_type:
            by_type[name.strip()] = compute
        else:
            default = compute
    return Routes(default, by_type)


class Settings(ClientSettings, LimitSettings, ModalSettings):
    """Names are those of the environment, in lower case; lists are written with commas."""

    model_config = SettingsConfigDict(
        env_file=".env", extra="ignore", frozen=True, env_ignore_empty=True, hide_input_in_errors=True
    )

    environment: Environment = Field(
        Environment.LOCAL, description="`local` is its own token issuer; `dev` and `prod` trust SUPABASE_URL."
    )
    supabase_url: str | None = Field(
        None, description="The project's URL; its JWKS verifies tokens. Needed unless ENVIRONMENT is local."
    )
    supabase_publishable_key: SecretStr | None = Field(
        None, description="Accepted for clients of this stack; nothing here needs it."
    )
    supabase_secret_key: SecretStr | None = Field(
        None, description="Accepted for clients of this stack; nothing here needs it."
    )
    roles_claim: str = Field(
        "app_metadata.roles",
        description="The token's claim that holds roles; not one under user_metadata, which users write.",
    )
    transaction_pooler_url: SecretStr | None = Field(
        None, description="PostgreSQL through a transaction pooler, or directly, as the service role."
    )
    database_is_pooled: bool = Field(
        default=True,
        description="Whether TRANSACTION_POOLER_URL is a pooler in transaction mode: no prepared statements.",
    )
    migration_url: SecretStr | None = Field(
        None, description="PostgreSQL directly, as the owner; TRANSACTION_POOLER_URL when unset."
    )
    listen_url: SecretStr | None = Field(
        None, description="PostgreSQL directly, for wake-up hints; without it everything is polled."
    )
    database_pool_size: int = Field(8, ge=1, le=200, description="Connections of one process, at most.")
    database_timeout_seconds: float = Field(
        2.0, gt=0, le=60, description="How long to wait for a connection before answering 503."
    )
    data_directory: Path = Field(
        Path(".jobledger"), description="Where `jobledger up` keeps its PostgreSQL and its keys."
    )
    api_host: str = Field("127.0.0.1", description="The address that the API listens on.")
    api_port: int = Field(8000, ge=0, le=65535, description="The port that the API listens on.")
    metrics_host: str = Field("127.0.0.1", description="The address of METRICS_PORT.")
    metrics_port: int = Field(
        0,
        ge=0,
        le=65535,
        description="Where every process serves its own metrics; `up` counts on from it; 0: nowhere.",
    )
    metrics_token: SecretStr | None = Field(
        None,
        description="What `/metrics` wants as a bearer token; without it only a local API answers there.",
    )
    metrics_seconds: float = Field(
        5.0, gt=0, le=60, description="How often, at most, the whole service is read for metrics."
    )
    scaling_target_seconds: float = Field(
        30.0, gt=0, description="How long a due job may wait before `/metrics/scaling` wants more workers."
    )
    scaling_min_workers: int = Field(1, ge=0, description="What `/metrics/scaling` suggests at least.")
    scaling_max_workers: int = Field(100, ge=1, description="What `/metrics/scaling` suggests at most.")
    job_modules: Names = Field([], description="Modules with your job types, importable from here.")
    http_allowed_networks: Names = Field(
        [],
        description="Networks (CIDR) that http_request jobs and webhooks may reach, public or not.",
    )
    job_stuck_timeout_minutes: int = Field(
        15, ge=1, description="How long after its lease's end, or its due time, recovery takes up a job."
    )
    recovery_minutes: float = Field(15, gt=0, description="How often every relay looks for jobs to recover.")
    worker_concurrency: int = Field(
        1500, ge=1, le=10_000, description="Attempts that one worker runs at once."
    )
    worker_threads: int = Field(
        16, ge=1, le=500, description="Functions that are not async which one worker runs at once."
    )
    worker_transactions: int = Field(
        8,
        ge=1,
        le=200,
        description="Connections that handlers of one worker hold for their transactions.",
    )
    worker_batch: int = Field(
        500, ge=1, le=1000, description="Messages that a worker takes at once, at most."
    )
    worker_wards: int = Field(
        2,
        ge=1,
        le=50,
        description="Processes that one worker keeps, while needed, for jobs whose attempts were lost.",
    )
    lease_seconds: int = Field(
        30, ge=1, le=3600, description="How long a worker may be silent before its jobs are given to others."
    )
    drain_seconds: float = Field(
        20.0, ge=0, description="How long a leaving worker lets its attempts go on before it releases them."
    )
    cancel_grace_seconds: float = Field(
        10.0, ge=0, description="How long a function may take to stop once asked, before it is abandoned."
    )
    relay_batch: int = Field(
        1000, ge=1, le=5000, description="Outbox entries moved in one statement, at most."
    )
    queue_max_visible: int = Field(
        5000,
        ge=1,
        description="Visible messages at which the relay holds back; priorities are decided before.",
    )
    poll_seconds: float = Field(
        1.0, gt=0, le=60, description="How often relay and worker look without having been told."
    )
    statistics_seconds: float = Field(
        1.0, gt=0, le=60, description="How often every relay offers to count new events for the dashboard."
    )
    ledger_name: str | None = Field(
        None,
        pattern=r"^[^\s+]+$",
        description="The ledger's name for ever, best a host and path of yours; made of the key when unset.",
    )
    ledger_key: SecretStr | None = Field(
        None,
        description="Signs checkpoints: 32 random bytes in base64. Unset, a key is made in DATA_DIRECTORY.",
    )
    ledger_previous_key: SecretStr | None = Field(
        None, description="Signs beside LEDGER_KEY while auditors change over from it."
    )
    checkpoint_directory: Path | None = Field(
        None,
        description="Where checkpoints are copied to, best on another host; in DATA_DIRECTORY when unset.",
    )
    checkpoint_seconds: float = Field(
        1.0, ge=1, le=3600, description="How long at least lies between two checkpoints."
    )
    seal_seconds: float = Field(
        0.05, gt=0, le=60, description="How often the sealer looks for events that were committed."
    )
    seal_batch: int = Field(20_000, ge=1, le=200_000, description="Events sealed at once, about, at most.")
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR.")
    job_compute: Names = Field(
        [LOCAL],
        description="Where jobs run, `local` or `modal`, and what runs elsewhere: `local,resize=modal`.",
    )

    @field_validator("http_allowed_networks")
    @classmethod
    def _are_networks(cls, networks: list[str]) -> list[str]:
        for network in networks:
            ip_network(network)
        return networks

    @field_validator("roles_claim")
    @classmethod
    def _is_not_written_by_users(cls, claim: str) -> str:
        if claim.split(".", maxsplit=1)[0] == "user_metadata":
            raise ValueError("users write user_metadata themselves, so it cannot hold their roles")
        return claim

    @field_validator("job_compute")
    @classmethod
    def _is_routed(cls, parts: list[str]) -> list[str]:
        _routes(parts)
        return parts

    @property
    def routes(self) -> Routes:
        return _routes(self.job_compute)

    @property
    def database_url(self) -> str:
        """TRANSACTION_POOLER_URL; raises InvalidSettings when it is not set."""
        if self.transaction_pooler_url is None:
            raise InvalidSettings(
                "TRANSACTION_POOLER_URL is not set; `jobledger up` brings its own PostgreSQL."
            )
        return self.transaction_pooler_url.get_secret_value()

    @property
    def owner_url(self) -> str:
        return self.migration_url.get_secret_value() if self.migration_url else self.database_url

    def over(self, *, owner_url: str, service_url: str) -> "Settings":
        """These, over a PostgreSQL of our own instead of whatever they name: directly, without a pooler."""
        return self.model_copy(
            update={
                "migration_url": SecretStr(owner_url),
                "transaction_pooler_url": SecretStr(service_url),
                "listen_url": SecretStr(service_url),
                "database_is_pooled": False,
            }
        )

    @property
    def issuer(self) -> str:
        """Who signs the tokens: the Supabase project, or this service itself where it runs locally."""
        if self.supabase_url:
            return self.supabase_url.rstrip("/") + "/auth/v1"
        if self.environment is not Environment.LOCAL:
            raise InvalidSettings(
                "SUPABASE_URL is not set; outside ENVIRONMENT=local tokens come from there."
            )
        return f"{self.local_url}/auth/v1"

    @property
    def local_url(self) -> str:
        """Where clients on this machine find the API, also when it listens on every address."""
        here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.api_host, self.api_host)  # noqa: S104 - compared
        return f"http://[{here}]:{self.api_port}" if ":" in here else f"http://{here}:{self.api_port}"


def misspelt_settings(environment: Mapping[str, str]) -> list[tuple[str, str]]:
    """Names there and in `.env` that are no settings but look like one, each with the one it looks like."""
    known = [name.upper() for name in Settings.model_fields]
    given = sorted({*environment, *dotenv_values(".env")} - {*known})
    alike = ((name, get_close_matches(name, known, n=1, cutoff=ALIKE)) for name in given)
    return [(name, found[0]) for name, found in alike if found]


def load_settings() -> Settings:
    """The settings of this process; raises InvalidSettings with one line that names every wrong one."""
    try:
        return Settings()
    except ValidationError as error:
        problems = [f"{str(problem['loc'][0]).upper()}: {problem['msg']}" for problem in error.errors()]
        raise InvalidSettings("; ".join(problems)) from None
