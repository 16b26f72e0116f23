"""`python -m benchmarks.fairness --directory D`: two tenants, one of whom floods, with and without fair shares.

A quiet tenant submits a job now and then; measured is how long each waits for its start, by the database's clock:
alone, behind another tenant's flood, and behind the same flood where a backlog is shared between users.
"""

import argparse
import asyncio
import os
import statistics
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from benchmarks.measures import new_job, part
from benchmarks.server import Bench, bench, run
from domain.events import JobSubmitted
from domain.identifiers import Json, UserId
from domain.ports.event_store import Change
from domain.ports.hints import Topic
from entrypoints.services import Services

FLOOD = 4000
PLACES = 50
JOB_SECONDS = 0.5
QUIET_JOBS = 60
QUIET_EVERY_SECONDS = 0.2
WAITED = """
    SELECT extract(epoch FROM started_at - created_at)::float8 * 1000 FROM jobledger.jobs
    WHERE user_id = 'quiet' AND started_at IS NOT NULL ORDER BY 1
"""


def tenants_job(services: Services, user: str, parameters: Json) -> Change:
    change = new_job(services, parameters=parameters)
    assert isinstance(change.event, JobSubmitted)
    return change._replace(event=replace(change.event, user_id=UserId(user)))


async def submit(on: Bench, *, floods: bool) -> None:
    async with on.services() as services:
        if floods:
            for _ in range(FLOOD // 1000):
                flood = [
                    tenants_job(services, "loud", {"duration_seconds": JOB_SECONDS}) for _ in range(1000)
                ]
                await services.store.append(flood)
                services.hints.announce(Topic.OUTBOX)
            await asyncio.sleep(2)
        for _ in range(QUIET_JOBS):
            await services.store.append([tenants_job(services, "quiet", {"duration_seconds": 0})])
            services.hints.announce(Topic.OUTBOX)
            await asyncio.sleep(QUIET_EVERY_SECONDS)
        while len(on.rows(WAITED)) < QUIET_JOBS:
            await asyncio.sleep(0.5)


@contextmanager
def environment(**settings: str) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(settings)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def waits(on: Bench, *, floods: bool, is_fair: bool) -> list[float]:
    """How many milliseconds each of the quiet tenant's jobs waited, sorted."""
    on.fresh()
    settings = {"WORKER_CONCURRENCY": str(PLACES), "FAIR_SHARES": str(is_fair).lower()}
    with environment(**settings), part(on, "relay"), part(on, "worker"):
        run(submit(on, floods=floods))
    return [float(row[0]) for row in on.rows(WAITED)]


def main(directory: Path) -> None:
    cases = {
        "alone": {"floods": False, "is_fair": False},
        "behind a flood": {"floods": True, "is_fair": False},
        "behind a flood, FAIR_SHARES": {"floods": True, "is_fair": True},
    }
    with bench(directory) as on:
        sys.stdout.write("| the quiet tenant's jobs | median wait, ms | p99, ms |\n| --- | ---: | ---: |\n")
        for name, case in cases.items():
            found = waits(on, **case)
            median, late = statistics.median(found), found[int(len(found) * 0.99) - 1]
            sys.stdout.write(f"| {name} | {median:,.0f} | {late:,.0f} |\n")
            sys.stdout.flush()


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--directory", type=Path, required=True)
if __name__ == "__main__":
    main(parser.parse_args().directory)
