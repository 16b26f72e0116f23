"""What the service needs of PGMQ is what its oldest supported version has."""

import re
from pathlib import Path

import psycopg

from tests.conftest import TestDatabase
from tests.pgmq_versions import OLDEST, newer_functions, reduce

ROOT = Path(__file__).parents[3]
SOURCES = [*ROOT.glob("adapters/postgres/**/*.sql"), *ROOT.glob("alembic/sql/*.sql")]


def called() -> set[str]:
    texts = (re.sub(r"--[^\n]*", "", path.read_text()) for path in SOURCES)
    return {name for text in texts for name in re.findall(r"pgmq\.(?!q_|a_)(\w+)\s*\(", text)}


def test_the_service_calls_three_functions_that_have_been_the_same_since_1_5() -> None:
    assert called() == {"create", "drop_queue", "send_batch"}


def test_the_newest_can_be_taken_back_to_what_1_5_1_has(database: TestDatabase) -> None:
    """So that the contract suites run over that: `TEST_PGMQ=1.5.1 pytest tests/contracts`."""
    reduce(database.owner_url, OLDEST)
    with psycopg.connect(database.owner_url) as connection:
        columns = connection.execute(
            "SELECT string_agg(column_name, ' ' ORDER BY column_name) FROM information_schema.columns"
            " WHERE table_schema = 'pgmq' AND table_name = 'q_job_queue'"
        ).fetchone()

        assert newer_functions(connection) == []
    assert columns == ("enqueued_at headers message msg_id read_ct vt",)
