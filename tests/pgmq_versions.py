"""Other versions of PGMQ than the one that the client ships, for running whole suites over them."""

from pathlib import Path

import psycopg

OLDEST = "1.5.1"

# What PGMQ 1.5.1, Supabase's, has of what the service calls and of what those call; nothing else is left. Its
# queues have no last_read_at. Read in its own source; by file (see below) any version can be had as it is.
FUNCTIONS = frozenset(
    {
        "create",
        "create_non_partitioned",
        "drop_queue",
        "format_table_name",
        "send",
        "send_batch",
        "validate_queue_name",
        # What the newest needs for these, where 1.5.1 has it in the functions themselves.
        "_send_batch",
        "_validate_batch_params",
        "acquire_queue_lock",
    }
)


def install(url: str, asked: str) -> None:
    """Before migrating: the SQL of the file that `asked` names, unless it is `1.5.1`."""
    if asked == OLDEST:
        return
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA IF NOT EXISTS pgmq")
        connection.execute(Path(asked).read_bytes())


def reduce(url: str, asked: str) -> None:
    """After migrating: take away what 1.5.1 does not have, where that is `asked` for."""
    if asked != OLDEST:
        return
    with psycopg.connect(url, autocommit=True) as connection:
        for function in newer_functions(connection):
            connection.execute(f"DROP FUNCTION {function}".encode())
        for queue in ("q_job_queue", "a_job_queue"):
            connection.execute(f"ALTER TABLE pgmq.{queue} DROP COLUMN IF EXISTS last_read_at".encode())


def newer_functions(connection: psycopg.Connection) -> list[str]:
    rows = connection.execute(
        "SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'pgmq'::regnamespace"
        " AND NOT proname = ANY (%s)",
        [sorted(FUNCTIONS)],
    ).fetchall()
    return [row[0] for row in rows]
