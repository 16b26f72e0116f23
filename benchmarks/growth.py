"""What is there already: finished jobs by the million, and how the service fares among them."""

from math import ceil
from pathlib import Path

import psycopg

from benchmarks.server import Bench

HISTORIES = (Path(__file__).parent / "sql" / "histories.sql").read_bytes()
COUNTED = "UPDATE jobledger.statistics_cursor SET seen = pg_current_snapshot()"
JOBS_A_STATEMENT = 50_000
EVENTS_A_JOB = 3.35
USERS = 1000
# So few that each has more than a page of jobs among ten thousand events too: alike to a reader of pages.
FEW_USERS = 20


def grow(bench: Bench, *, events: int, users: int = USERS) -> int:
    """Add finished jobs of so many users until there are at least `events` events; returns how many there are."""
    there = int(bench.rows("SELECT count(*) FROM jobledger.job_events")[0][0])
    missing = max(0, events - there)
    slices = ceil(missing / JOBS_A_STATEMENT / EVENTS_A_JOB)
    jobs = ceil(missing / EVENTS_A_JOB / max(1, slices))
    with psycopg.connect(bench.server.database(bench.database), autocommit=True) as connection:
        for number in range(slices):
            given = {"jobs": jobs, "users": users, "slice": number, "slices": slices}
            (made,) = connection.execute(HISTORIES, given).fetchall()
            there += int(made[0])
    if missing:
        # Where these events had happened one by one, they had been counted by now.
        bench.run(COUNTED, "VACUUM ANALYZE", "CHECKPOINT")
    return there
