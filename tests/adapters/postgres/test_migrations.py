"""The migrations: up, down and up again, on each PostgreSQL, and by many at once."""

import re
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import count
from multiprocessing import get_context
from pathlib import Path

import psycopg
import pytest

from adapters.embedded_postgres import EmbeddedPostgres
from adapters.migrations import downgrade, upgrade
from tests.conftest import TestServer

DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")
_numbers = count(1)


@pytest.fixture(scope="module")
def postgres_15() -> Iterator[TestServer]:
    if not DEBIAN_15.exists():
        pytest.skip("PostgreSQL 15 is not installed (Debian: apt-get install postgresql-15)")
    # Not in pytest's own folder: the next run of pytest closes that to the server's user.
    with tempfile.TemporaryDirectory(prefix="jobledger-tests-15-") as directory:
        server = EmbeddedPostgres(Path(directory) / "postgres", binaries=DEBIAN_15)
        yield TestServer(server.start({"fsync": "off"}))
        server.stop()


@pytest.fixture(params=["embedded 18", "debian 15"])
def empty_database(request: pytest.FixtureRequest) -> Iterator[str]:
    fixture = "postgres_server" if request.param == "embedded 18" else "postgres_15"
    server: TestServer = request.getfixturevalue(fixture)
    name = f"migrations_{next(_numbers)}"
    server.run("CREATE DATABASE {}", name)
    yield server.url(name, user="postgres")
    server.run("DROP DATABASE {} WITH (FORCE)", name)


def newest_revision() -> str:
    versions = Path(__file__).parents[3] / "alembic" / "versions"
    return max(path.name[:4] for path in versions.glob("0*.py"))


def shape(url: str) -> list[tuple[str, ...]]:
    """Every table, column, constraint, index, trigger and policy of ours."""
    query = """
        SELECT 'column', table_name, column_name, data_type FROM information_schema.columns
        WHERE table_schema IN ('jobledger', 'pgmq')
        UNION ALL
        SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'jobledger'::regnamespace
        UNION ALL
        SELECT 'index', tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'jobledger'
        UNION ALL
        SELECT 'trigger', tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) FROM pg_trigger
        WHERE NOT tgisinternal
        UNION ALL
        SELECT 'policy', tablename, policyname, roles::text FROM pg_policies
        ORDER BY 1, 2, 3, 4
    """
    with psycopg.connect(url) as connection:
        rows = connection.execute(query).fetchall()
    # Alembic's own table stays when everything else has gone.
    return [row for row in rows if "alembic_version" not in row[1]]


def test_up_down_and_up_again_ends_where_it_began(empty_database: str) -> None:
    upgrade(empty_database)
    first = shape(empty_database)
    downgrade(empty_database)
    assert [row for row in shape(empty_database) if row[1].startswith("job") or row[0] == "policy"] == []

    upgrade(empty_database)
    assert shape(empty_database) == first


def test_a_second_upgrade_changes_nothing(empty_database: str) -> None:
    upgrade(empty_database)
    first = shape(empty_database)
    upgrade(empty_database)

    assert shape(empty_database) == first


def test_a_migration_of_a_living_history_is_recorded_in_it(empty_database: str) -> None:
    upgrade(empty_database, "0004")
    upgrade(empty_database)
    with psycopg.connect(empty_database) as connection:
        recorded = connection.execute("SELECT type, actor_id, facts FROM jobledger.job_events").fetchall()

    told = {"from_revision": "0004", "to_revision": newest_revision()}
    assert recorded == [("SchemaMigrated", "jobledger-migrate", told)]


def test_ten_replicas_may_migrate_at_once(empty_database: str) -> None:
    # Processes, because Alembic keeps its context in a module.
    context = get_context("forkserver")
    context.set_forkserver_preload(
        ["adapters.migrations", "alembic.command", "sqlalchemy.dialects.postgresql"]
    )
    with ProcessPoolExecutor(10, mp_context=context) as replicas:
        list(replicas.map(upgrade, [empty_database] * 10))

    with psycopg.connect(empty_database) as connection:
        revisions = connection.execute("SELECT version_num FROM jobledger.alembic_version").fetchall()
    assert revisions == [(newest_revision(),)]


def test_every_constraint_was_named_by_us(empty_database: str) -> None:
    upgrade(empty_database)
    generated = [
        row for row in shape(empty_database) if row[0] == "constraint" and re.search(r"_check\d*$", row[2])
    ]

    assert generated == []


def test_months_are_made_ahead_and_made_only_once(empty_database: str) -> None:
    upgrade(empty_database)
    with psycopg.connect(empty_database, autocommit=True) as connection:
        partitions = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'jobledger.job_events'::regclass"
        assert connection.execute(partitions).fetchone() == (5,)
        connection.execute("SELECT jobledger.make_partitions_ahead(6)")
        connection.execute("SELECT jobledger.make_partitions_ahead(6)")
        assert connection.execute(partitions).fetchone() == (8,)
