"""What is there already: finished jobs by the million, and how the service fares among them."""

from pathlib import Path

import psycopg

from benchmarks.server import DATABASE, Bench

HISTORIES = (Path(__file__).parent / "sql" / "histories.sql").read_bytes()
JOBS_A_STATEMENT = 50_000
USERS = 1000


def grow(bench: Bench, *, events: int) -> int:
    """Add finished jobs until there are at least `events` events; returns how many there are."""
    there = int(bench.rows("SELECT count(*) FROM jobledger.job_events")[0][0])
    with psycopg.connect(bench.server.database(DATABASE), autocommit=True) as connection:
        while there < events:
            (made,) = connection.execute(HISTORIES, {"jobs": JOBS_A_STATEMENT, "users": USERS}).fetchall()
            there += int(made[0])
    bench.run("VACUUM ANALYZE", "CHECKPOINT")
    return there
