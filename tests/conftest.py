"""One embedded PostgreSQL a test run, one migrated template database, a clone of it for each test."""

import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest
from hypothesis import HealthCheck
from hypothesis import settings as property_settings
from psycopg import sql
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from adapters.embedded_postgres import EmbeddedPostgres
from adapters.migrations import upgrade
from adapters.postgres import ports
from adapters.postgres.pool import Database
from adapters.postgres.rebuild import PostgresRebuilding
from adapters.system import Uuid7Ids
from entrypoints import bootstrap
from entrypoints.services import Services
from entrypoints.settings import Settings
from tests import pgmq_versions
from tests.fakes.ports import REMOTE_TASKS
from tests.pgbouncer import PgBouncer, pgbouncer

# No test fails because a machine is slow; and CI's runs are repeatable.
property_settings.register_profile(
    "any machine",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="CI" in os.environ,
    print_blob=True,
)
property_settings.load_profile("any machine")

# A shell has what it starts in the background ignore SIGINT, and so would the services under test.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

TEMPLATE = "jobledger_template"
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class TestServer:
    """A PostgreSQL server for tests; `admin_url` may do everything. The service may reach it by a pooler."""

    __test__ = False

    admin_url: str
    pooler: PgBouncer | None = None

    def url(self, database: str, user: str = "jobledger_service") -> str:
        return make_conninfo(self.admin_url, dbname=database, user=user)

    def run(self, statement: str, *names: str) -> None:
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def prepare(admin_url: str, pooler: PgBouncer | None = None) -> TestServer:
    """A server with a migrated template database, whose service role may log in as in `jobledger up`."""
    server = TestServer(admin_url, pooler)
    server.run("CREATE DATABASE {}", TEMPLATE)
    pgmq = os.environ.get("TEST_PGMQ")
    if pgmq:
        pgmq_versions.install(server.url(TEMPLATE, user="postgres"), pgmq)
    upgrade(server.url(TEMPLATE, user="postgres"))
    if pgmq:
        pgmq_versions.reduce(server.url(TEMPLATE, user="postgres"), pgmq)
    server.run("ALTER ROLE jobledger_service LOGIN")
    return server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[TestServer]:
    # Not in pytest's own folder: the next run of pytest closes that to the server's user.
    with TemporaryDirectory(prefix="jobledger-tests-") as directory:
        # Another PostgreSQL than the embedded one, by the folder of its programs.
        binaries = os.environ.get("TEST_POSTGRES_BINARIES")
        embedded = EmbeddedPostgres(
            Path(directory) / "postgres", binaries=Path(binaries) if binaries else None
        )
        # Nothing here outlives the run, so nothing needs to reach the disk.
        url = embedded.start({"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"})
        try:
            with ExitStack() as stack:
                pooler = None
                if "TEST_PGBOUNCER" in os.environ:
                    # Everything that the service does, through a pooler in transaction mode.
                    place = Path(stack.enter_context(TemporaryDirectory(prefix="jobledger-pooler-")))
                    pooler = stack.enter_context(pgbouncer(place, url))
                yield prepare(url, pooler)
        finally:
            embedded.stop()


@dataclass(frozen=True, slots=True)
class TestDatabase:
    """One test's own database: `url` as the service role, `owner_url` as the one that migrated it.

    `url` is the pooler's where `is_pooled`; `direct_url` never is.
    """

    __test__ = False

    url: str
    owner_url: str
    direct_url: str
    is_pooled: bool


@pytest.fixture
def database(postgres_server: TestServer) -> Iterator[TestDatabase]:
    name = f"test_{next(_numbers)}"
    postgres_server.run("CREATE DATABASE {} TEMPLATE {}", name, TEMPLATE)
    direct = postgres_server.url(name)
    pooler = postgres_server.pooler
    yield TestDatabase(
        url=pooler.url(direct) if pooler else direct,
        owner_url=postgres_server.url(name, user="postgres"),
        direct_url=direct,
        is_pooled=pooler is not None,
    )
    postgres_server.run("DROP DATABASE {} WITH (FORCE)", name)


class PostgresPorts(ports.PostgresPorts):
    """The ports over one test's database."""

    owner_url: str
    rebuilding: PostgresRebuilding

    async def advance(self, seconds: float) -> None:
        """Let time pass: the database's clock cannot be moved, so everything that waits for it is."""
        async with await psycopg.AsyncConnection.connect(self.owner_url) as connection:
            past = f"interval '{seconds} seconds'"
            await connection.execute(f"UPDATE pgmq.q_job_queue SET vt = vt - {past}")  # noqa: S608
            await connection.execute(f"UPDATE jobledger.outbox SET available_at = available_at - {past}")  # noqa: S608
            await connection.execute(f"UPDATE jobledger.jobs SET due_at = due_at - {past}")  # noqa: S608
            await connection.execute(f"UPDATE jobledger.workers SET alive_until = alive_until - {past}")  # noqa: S608

    async def put_message(self, body: str) -> None:
        async with await psycopg.AsyncConnection.connect(self.owner_url) as connection:
            await connection.execute("SELECT pgmq.send('job_queue', %s::jsonb)", [body])


@pytest.fixture
async def postgres_ports(database: TestDatabase) -> AsyncIterator[PostgresPorts]:
    pool = Database(database.url, size=4, timeout_seconds=10, is_pooled=database.is_pooled)
    await pool.open()
    made = PostgresPorts.over(pool, pool, Uuid7Ids(), code_version="test", routes=REMOTE_TASKS)
    made.owner_url = database.owner_url
    made.rebuilding = PostgresRebuilding(database.owner_url)
    yield made
    await pool.close()


@pytest.fixture
def data_directory(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def settings(database: TestDatabase, data_directory: Path) -> Settings:
    """Settings of a local service over this test's database, quick to notice things."""
    return Settings(
        transaction_pooler_url=SecretStr(database.url),
        migration_url=SecretStr(database.owner_url),
        listen_url=SecretStr(database.direct_url),
        database_is_pooled=database.is_pooled,
        data_directory=data_directory,
        lease_seconds=5,
        drain_seconds=0.2,
        cancel_grace_seconds=0.2,
        poll_seconds=0.2,
    )


@pytest.fixture
async def services(settings: Settings) -> AsyncIterator[Services]:
    async with bootstrap.open_services(settings) as opened:
        yield opened
