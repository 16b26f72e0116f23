"""Runs every measure several times, in turns with its floor, and writes docs/benchmarks.md."""

import argparse
import platform
import statistics
from collections import defaultdict
from pathlib import Path

from benchmarks import floors, http, measures
from benchmarks.server import Bench, bench

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"

RATIOS = [
    ("submit, 8 concurrent / pgbench of the same statement, 8 clients", "submit 8", "pgbench 8"),
    ("submit, 1 at a time / pgbench of the same statement, 1 client", "submit 1", "pgbench 1"),
    ("POST /jobs / a bare FastAPI route with one INSERT", "POST /jobs", "bare insert"),
    ("POST /jobs / a bare FastAPI route without database", "POST /jobs", "bare"),
    ("drain / bulk submit", "drain", "bulk submit"),
]

TEMPLATE = """# Benchmarks

<!-- Written by `python -m benchmarks`; do not edit. -->

The shipped code with its shipped defaults, on PostgreSQL with fsync on; {jobs:,} jobs in the drain, medians of
{rounds} rounds. Load generator, service and PostgreSQL share one machine ({machine}, Python {python}). The
ratios are the result; the absolute figures are context.

| ratio | median |
| --- | --- |
{ratios}

| measure (per second, unless it says otherwise) | median | spread |
| --- | --- | --- |
{rows}

The drain runs one relay process and one worker process, and its clock runs from the first attempt's start to
the last job's end, relaying included. A submission counts once it is durable. Idle latency is from just before
the submission to the start of the function, in one process.
"""


def one_round(on: Bench, *, jobs: int, seconds: float) -> dict[str, float]:
    values = {
        "pgbench 1": floors.pgbench_submit(on, clients=1, seconds=round(seconds)),
        "submit 1": measures.submit_one_by_one(on, submitters=1, seconds=seconds),
        "pgbench 8": floors.pgbench_submit(on, clients=8, seconds=round(seconds)),
        "submit 8": measures.submit_one_by_one(on, submitters=8, seconds=seconds),
    }
    bare = http.bare_routes(on, seconds=seconds)
    values |= {"bare": bare["bare"], "bare insert": bare["insert"]}
    values["POST /jobs"] = http.post_jobs(on, seconds=seconds)
    drained = measures.drain(on, jobs=jobs)
    values |= {"bulk submit": drained["bulk"], "drain": drained["drain"]}
    values |= {"WAL bytes, submit": drained["wal_submit"], "WAL bytes, drain": drained["wal_drain"]}
    latency = measures.idle_latency(on)
    return values | {"idle latency median, ms": latency["median"], "idle latency p99, ms": latency["p99"]}


def page(rounds: list[dict[str, float]], *, jobs: int) -> str:
    values = defaultdict(list)
    for measured in rounds:
        for name, value in measured.items():
            values[name].append(value)
    ratios = [
        f"| {title} | {statistics.median(a / b for a, b in zip(values[ours], values[floor], strict=True)):.2f} |"
        for title, ours, floor in RATIOS
    ]
    rows = [
        f"| {name} | {statistics.median(found):,.1f} | {min(found):,.1f} to {max(found):,.1f} |"
        for name, found in values.items()
    ]
    return TEMPLATE.format(
        jobs=jobs,
        rounds=len(rounds),
        machine=platform.machine(),
        python=platform.python_version(),
        ratios="\n".join(ratios),
        rows="\n".join(rows),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=3.0)
    asked = parser.parse_args()
    rounds = []
    with bench() as on:
        for number in range(1, asked.rounds + 1):
            rounds.append(one_round(on, jobs=asked.jobs, seconds=asked.seconds))
            print(
                f"round {number}: " + ", ".join(f"{name} {value:,.1f}" for name, value in rounds[-1].items())
            )
    PAGE.write_text(page(rounds, jobs=asked.jobs))
    print(PAGE.read_text())


main()
