"""Half of what the service can do, for long: `python -m benchmarks.soak` writes benchmarks/soak.md.

Latency, the tables that must not grow, what a job takes in those that do, and memory: all of them ought to be flat.
"""

import argparse
import asyncio
import os
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.measures import end_to_end, new_job, part
from benchmarks.server import Bench, bench, run
from domain.ports.hints import Topic

PAGE = Path(__file__).parent / "soak.md"
PARTS = ("relay", "worker", "sealer")
CALIBRATION_JOBS = 10_000
CALLS_A_SECOND = 10
LATENCY = """SELECT coalesce(percentile_cont(0.5) WITHIN GROUP (ORDER BY waited), 0),
        coalesce(percentile_cont(0.99) WITHIN GROUP (ORDER BY waited), 0), count(*) FILTER (WHERE started_at IS NULL)
    FROM (
        SELECT started_at, 1000 * extract(epoch FROM coalesce(started_at, now()) - created_at) AS waited
        FROM jobledger.jobs WHERE created_at > now() - make_interval(secs => {seconds})
    ) AS recent"""
SIZES = """SELECT pg_total_relation_size('jobledger.outbox') + pg_total_relation_size('pgmq.q_job_queue'),
    (SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits
        WHERE inhparent = 'jobledger.job_events'::regclass) / greatest(1, {jobs}),
    pg_total_relation_size('jobledger.jobs') / greatest(1, {jobs}),
    pg_total_relation_size('jobledger.ledger_ticks') / greatest(1, {jobs})"""
HEAD = """{minutes:g} minutes at {rate:,} jobs a second{half}, submissions and sealer included, on the machine of the
other figures{aside}.

| minutes | jobs | start after, median ms | p99 ms | waiting | outbox and queue, MB | bytes a job: events | jobs | \
ledger | MB: relay | worker | sealer |
| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
"""


def soak(on: Bench, *, minutes: float, rate: int, samples: int) -> list[str]:
    """A row of the table for each sample."""
    on.fresh()
    with ExitStack() as stack:
        pids = [stack.enter_context(part(on, name)) for name in PARTS]
        rows: list[str] = run(_submitting(on, pids, seconds=60 * minutes, rate=rate, samples=samples))
        return rows


async def _submitting(
    on: Bench, pids: Sequence[int], *, seconds: float, rate: int, samples: int
) -> list[str]:
    rows: list[str] = []
    submitted = 0
    async with on.services() as services:
        begun = time.monotonic()
        while (passed := time.monotonic() - begun) < seconds:
            missing = int(passed * rate) - submitted
            if missing > 0:
                await services.store.append([new_job(services) for _ in range(missing)])
                services.hints.announce(Topic.OUTBOX)
                submitted += missing
            if passed > (len(rows) + 1) * seconds / samples:
                rows.append(await asyncio.to_thread(_row, on, pids, passed, submitted, seconds / samples))
                print(rows[-1], flush=True)
            await asyncio.sleep(1 / CALLS_A_SECOND)
        rows.append(await asyncio.to_thread(_row, on, pids, passed, submitted, seconds / samples))
    return rows


def _row(on: Bench, pids: Sequence[int], passed: float, jobs: int, seconds: float) -> str:
    ((median, p99, waiting),) = on.rows(LATENCY.format(seconds=seconds))
    ((moving, *a_job),) = on.rows(SIZES.format(jobs=jobs))
    memory = [f"{_resident_bytes(pid) / 1e6:,.0f}" for pid in pids]
    cells = [
        f"{passed / 60:.1f}", f"{jobs:,}", f"{median:,.1f}", f"{p99:,.1f}", f"{waiting:,}", f"{moving / 1e6:,.1f}",
        *(f"{size:,.0f}" for size in a_job), *memory,
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--samples", type=int, default=12)
    parser.add_argument("--rate", type=int, help="jobs a second; half of what is possible when left out")
    parser.add_argument("--aside", default="", help="what else is to be said of the machine, for the page")
    asked = parser.parse_args()
    with bench() as on:
        rate: int = asked.rate or int(end_to_end(on, jobs=CALIBRATION_JOBS, parts=PARTS) / 2)
        rows = soak(on, minutes=asked.minutes, rate=rate, samples=asked.samples)
    aside = f" ({asked.aside})" if asked.aside else ""
    half = "" if asked.rate else ", half of what the whole service did just before"
    head = HEAD.format(minutes=asked.minutes, rate=rate, half=half, aside=aside)
    PAGE.write_text(head + "\n".join(rows) + "\n")


main()
