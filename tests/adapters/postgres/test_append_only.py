"""History cannot be changed: not by a statement, not through a partition, not by a role."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg.rows import DictRow, dict_row

from tests.builders import submission
from tests.conftest import PostgresPorts, TestDatabase

PARTITION = "SELECT tableoid::regclass::text AS name FROM jobledger.job_events LIMIT 1"

FORBIDDEN = [
    "UPDATE {} SET facts = '{{}}'",
    "UPDATE {} SET actor_id = 'somebody else'",
    "UPDATE {} SET payload = '{{\"forged\":1}}'",
    "UPDATE {} SET payload = NULL",
    "UPDATE {} SET payload = NULL, salt = NULL, version = version + 1",
    "UPDATE {} SET payload = NULL, salt = NULL, recorded_at = now()",
    "UPDATE {} SET payload = NULL, salt = NULL, commitment = NULL",
    "DELETE FROM {}",
    "TRUNCATE {}",
]


@pytest.fixture
async def recorded(postgres_ports: PostgresPorts, database: TestDatabase) -> TestDatabase:
    """A database with one event in it."""
    await postgres_ports.store.append([submission(job_parameters={"name": "Ada"})])
    return database


@pytest.fixture
def owner(recorded: TestDatabase) -> Iterator[psycopg.Connection[DictRow]]:
    with psycopg.connect(recorded.owner_url, autocommit=True, row_factory=dict_row) as connection:
        yield connection


def partition_of(owner: psycopg.Connection[DictRow]) -> str:
    row = owner.execute(PARTITION).fetchone()
    assert row is not None
    return str(row["name"])


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_even_the_owner_cannot_change_an_event(owner: psycopg.Connection[DictRow], statement: str) -> None:
    for table in ("jobledger.job_events", partition_of(owner)):
        with pytest.raises(psycopg.Error, match="append-only"):
            owner.execute(statement.format(table))


def test_erasure_takes_payload_and_salt_and_nothing_else(owner: psycopg.Connection[DictRow]) -> None:
    before = owner.execute("SELECT * FROM jobledger.job_events").fetchone()
    owner.execute("UPDATE jobledger.job_events SET payload = NULL, salt = NULL")
    after = owner.execute("SELECT * FROM jobledger.job_events").fetchone()

    assert before is not None
    assert before | {"payload": None, "salt": None} == after


def test_what_was_erased_cannot_be_filled_in_again(owner: psycopg.Connection[DictRow]) -> None:
    owner.execute("UPDATE jobledger.job_events SET payload = NULL, salt = NULL")

    with pytest.raises(psycopg.Error, match="append-only"):
        owner.execute("UPDATE jobledger.job_events SET payload = '{}', salt = '\\x00'")


def test_a_partition_made_later_is_guarded_too(owner: psycopg.Connection[DictRow]) -> None:
    owner.execute("SELECT jobledger.make_partitions_ahead(9)")
    row = owner.execute(
        "SELECT count(*) AS unguarded FROM pg_inherits i WHERE inhparent = 'jobledger.job_events'::regclass "
        "AND (SELECT count(*) FROM pg_trigger t WHERE t.tgrelid = i.inhrelid) < 2"
    ).fetchone()

    assert row == {"unguarded": 0}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE jobledger.job_events SET payload = NULL, salt = NULL",
        "DELETE FROM jobledger.job_events",
        "DELETE FROM jobledger.jobs",
        "TRUNCATE jobledger.job_events",
        "SELECT jobledger.make_partition('2031-01-01')",
    ],
)
def test_the_service_may_only_append(recorded: TestDatabase, statement: str) -> None:
    with (
        psycopg.connect(recorded.url, autocommit=True) as service,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        service.execute(statement)


def test_an_auditor_reads_everything_and_changes_nothing(owner: psycopg.Connection[DictRow]) -> None:
    owner.execute("SET ROLE jobledger_auditor")

    row = owner.execute("SELECT count(*) AS events FROM jobledger.job_events").fetchone()
    assert row == {"events": 1}
    for statement in ("DELETE FROM jobledger.jobs", "UPDATE jobledger.jobs SET priority = 1"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            owner.execute(statement)


def test_a_role_that_is_not_ours_sees_no_rows_even_with_a_grant(owner: psycopg.Connection[DictRow]) -> None:
    owner.execute("CREATE ROLE stranger")
    try:
        owner.execute("GRANT USAGE ON SCHEMA jobledger TO stranger")
        owner.execute("GRANT SELECT ON ALL TABLES IN SCHEMA jobledger TO stranger")
        owner.execute("SET ROLE stranger")
        for table in ("job_events", "jobs", "outbox", "parked", partition_of_name(owner)):
            row = owner.execute(f"SELECT count(*) AS seen FROM jobledger.{table}").fetchone()  # noqa: S608
            assert row == {"seen": 0}, table
    finally:
        owner.execute("RESET ROLE")
        owner.execute("DROP OWNED BY stranger")
        owner.execute("DROP ROLE stranger")


def partition_of_name(owner: psycopg.Connection[DictRow]) -> str:
    row = owner.execute(
        "SELECT min(relname) AS name FROM pg_class WHERE relname LIKE 'job\\_events\\_20%' AND relkind = 'r'"
    ).fetchone()
    assert row is not None
    return str(row["name"])
