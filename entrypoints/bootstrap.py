"""The composition root: the only module that knows the adapters. Nothing is built at import."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from adapters.archive_files import GzipArchiveFiles
from adapters.checkpoint_directory import CheckpointDirectory
from adapters.cron import CronCalendar
from adapters.ed25519 import check_ed25519
from adapters.embedded_database import DATABASE, prepare_embedded_database
from adapters.embedded_postgres import EmbeddedPostgres
from adapters.examination import PostgresExamination
from adapters.fast_json import FAST_JSON
from adapters.jwks_tokens import JwksTokenVerifier
from adapters.local_compute import LocalCompute
from adapters.local_issuer import LocalIssuer
from adapters.migrations import upgrade
from adapters.no_tracing import NoTracing
from adapters.outbound_http import GuardedHttp
from adapters.parameters import PydanticParameterParser
from adapters.postgres.archive import PostgresArchive
from adapters.postgres.archived_months import PostgresArchivedMonths
from adapters.postgres.audit_trail import PostgresAuditTrail
from adapters.postgres.hints import PostgresHints
from adapters.postgres.job_queue import PgmqJobQueue
from adapters.postgres.pool import Database
from adapters.postgres.ports import PostgresPorts
from adapters.postgres.read_model import PostgresReadModel
from adapters.postgres.rebuild import PostgresRebuilding
from adapters.signing_keys import FiledKeys, GivenKeys
from adapters.system import SystemClock, SystemRandomness, SystemSecrets, Uuid7Ids
from domain.errors import InvalidSettings
from domain.http_request import http_request_type
from domain.job_types import JobType, JobTypes
from domain.ports.archive import ArchiveFiles
from domain.ports.checkpoint_copies import CheckpointCopies
from domain.ports.compute import Compute
from domain.ports.examination import Examination
from domain.ports.job_queue import JobQueue
from domain.ports.read_model import ReadModel, Rebuilding
from domain.ports.remote_compute import RemoteCompute
from domain.ports.signatures import SigningKeys
from domain.ports.system import Clock
from domain.ports.tokens import TokenIssuer, TokenVerifier
from domain.ports.tracing import Tracing
from domain.routes import LOCAL
from domain.sample_task import sample_task
from domain.webhook_delivery import Deliverer
from entrypoints.code_version import CODE_VERSION
from entrypoints.job_modules import with_modules
from entrypoints.metrics.process import watch_process
from entrypoints.services import Archiving, Services
from entrypoints.settings import Environment, Settings
from entrypoints.tracing_settings import wants_tracing

# As long as an attempt may take by default: its handler waits for its turn, and its lease is kept meanwhile.
TRANSACTION_WAIT_SECONDS = 3600.0

EMBEDDED_DATABASE = DATABASE

check_signature = check_ed25519
fast_json = FAST_JSON
prepare_embedded = prepare_embedded_database


@asynccontextmanager
async def open_services(settings: Settings, tracing: Tracing | None = None) -> AsyncIterator[Services]:
    """Everything a process works with, over PostgreSQL; the database need not be up yet.

    `tracing` is closed with the rest.
    """
    database = Database(
        settings.database_url,
        size=settings.database_pool_size,
        timeout_seconds=settings.database_timeout_seconds,
        is_pooled=settings.database_is_pooled,
    )
    transactions = Database(
        settings.database_url,
        size=settings.worker_transactions,
        timeout_seconds=TRANSACTION_WAIT_SECONDS,
        is_pooled=settings.database_is_pooled,
        kept=0,
        max_waiting=0,
    )
    listen_url = settings.listen_url.get_secret_value() if settings.listen_url else None
    hints = PostgresHints(database, listen_url=listen_url)
    ids = Uuid7Ids()
    ports = PostgresPorts.over(database, transactions, ids, code_version=CODE_VERSION, routes=settings.routes)
    outbound = GuardedHttp(settings.http_allowed_networks)
    deliverer = Deliverer(ports.endpoints, ports.ledger, outbound, ports.audit, SystemClock(), ids)
    types = job_types(settings, deliverer.job_type)
    services = Services(
        **ports._asdict(),
        hints=hints,
        calendar=CronCalendar(),
        types=types,
        parser=PydanticParameterParser(types),
        clock=SystemClock(),
        ids=ids,
        randomness=SystemRandomness(),
        secrets=SystemSecrets(),
        tracing=tracing or NoTracing(),
    )
    watch_process(services.tallies, services.health, version=CODE_VERSION)
    await database.open()
    await transactions.open()
    await hints.open()
    try:
        yield services
    finally:
        await hints.close()
        await transactions.close()
        await database.close()
        await asyncio.to_thread(services.tracing.close)


def tracing(part: str) -> Tracing:
    """Where spans of this part of the service go: nowhere, unless the standard OTEL_* variables say where.

    Raises InvalidSettings when they ask for what is not there.
    """
    if not wants_tracing(os.environ):
        return NoTracing()
    try:
        # Half a second, and only those who trace have to wait.
        from adapters.otel_tracing import OtelTracing  # noqa: PLC0415
    except ImportError as error:
        raise InvalidSettings(f"OTEL_*: tracing needs the extra `otel` ({error}).") from error
    return OtelTracing(service=f"jobledger-{part}", version=CODE_VERSION)


@asynccontextmanager
async def open_queue(settings: Settings) -> AsyncIterator[JobQueue]:
    """The queue alone, over a single connection that is closed when nobody needs it."""
    async with _one_connection(settings.database_url, settings) as database:
        yield PgmqJobQueue(database, code_version=CODE_VERSION)


@asynccontextmanager
async def open_read_model(settings: Settings) -> AsyncIterator[ReadModel]:
    """The read model alone, to be compared."""
    async with _one_connection(settings.database_url, settings) as database:
        yield PostgresReadModel(database)


@asynccontextmanager
async def open_archive(settings: Settings, directory: Path) -> AsyncIterator[Archiving]:
    """What archiving works with: the owner's connection, which needs rights that no service has."""
    async with _one_connection(settings.owner_url, settings) as database:
        yield Archiving(
            archive=PostgresArchive(
                database, PostgresAuditTrail(database, Uuid7Ids(), code_version=CODE_VERSION)
            ),
            months=PostgresArchivedMonths(database),
            files=GzipArchiveFiles(directory),
            clock=SystemClock(),
            ids=Uuid7Ids(),
        )


@asynccontextmanager
async def _one_connection(url: str, settings: Settings) -> AsyncIterator[Database]:
    """A single connection, which is closed when nobody needs it."""
    timeout, is_pooled = settings.database_timeout_seconds, settings.database_is_pooled
    database = Database(url, size=1, timeout_seconds=timeout, is_pooled=is_pooled, kept=0)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


def archive_files(directory: Path) -> ArchiveFiles:
    return GzipArchiveFiles(directory)


def job_types(settings: Settings, *own: JobType) -> JobTypes:
    """Our `own` job types, the other built-in ones and those of JOB_MODULES.

    Raises InvalidSettings for a module that is wrong.
    """
    http_request = http_request_type(GuardedHttp(settings.http_allowed_networks), SystemClock())
    return with_modules([sample_task, http_request, *own], settings.job_modules)


def local_compute(services: Services, settings: Settings, *, name: str = LOCAL) -> Compute:
    """Compute in this process, which attempts record as `name`."""
    return LocalCompute(
        services.types,
        services.parser,
        services.store,
        services.clock,
        services.ids,
        threads=settings.worker_threads,
        name=name,
    )


def remote_compute(settings: Settings) -> RemoteCompute | None:
    """Where jobs run that do not run here; None when all do."""
    if not settings.routes.has_remote:
        return None
    # Most of a second, and only those who use it have to wait.
    from adapters.modal_compute import ModalCompute  # noqa: PLC0415

    return ModalCompute(app_name=settings.modal_app_name, deadline_seconds=settings.modal_deadline_seconds)


def local_issuer(settings: Settings) -> TokenIssuer | None:
    """The issuer of local tokens; None where tokens come from elsewhere."""
    if settings.environment is not Environment.LOCAL or settings.supabase_url:
        return None
    return LocalIssuer(settings.data_directory / "keys", issuer=settings.issuer, clock=SystemClock())


def token_verifier(settings: Settings) -> TokenVerifier:
    return JwksTokenVerifier(issuer=settings.issuer, clock=SystemClock())


def signing_keys(settings: Settings) -> SigningKeys:
    """The ledger's keys: those of the settings, or else in the data directory, made when there is none."""
    given = [key for key in (settings.ledger_key, settings.ledger_previous_key) if key]
    return (
        GivenKeys([key.get_secret_value() for key in given]) if settings.ledger_key else filed_keys(settings)
    )


def filed_keys(settings: Settings) -> FiledKeys:
    """The keys in the data directory; raises InvalidSettings where LEDGER_KEY is set."""
    if settings.ledger_key:
        raise InvalidSettings("The ledger's key is LEDGER_KEY: change it there, and set LEDGER_PREVIOUS_KEY.")
    return FiledKeys(settings.data_directory / "keys")


def checkpoint_copies(settings: Settings) -> CheckpointCopies:
    return CheckpointDirectory(settings.checkpoint_directory or settings.data_directory / "checkpoints")


def examination(settings: Settings) -> Examination:
    return PostgresExamination(settings.database_url, issuer=settings.issuer)


def clock() -> Clock:
    return SystemClock()


def migrate(settings: Settings) -> None:
    """Bring the schema up to date, through the owner's own connection; blocks, and waits for its turn."""
    upgrade(settings.owner_url)


def rebuilding(settings: Settings) -> Rebuilding:
    """Making the read model anew, through the owner's own connection."""
    return PostgresRebuilding(settings.owner_url)


def embedded_postgres(settings: Settings) -> EmbeddedPostgres:
    return EmbeddedPostgres(settings.data_directory / "postgres")
