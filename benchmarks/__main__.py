"""Runs every measure several times, ours and the peers' in turns, and writes docs/benchmarks.md."""

import argparse
import os
from collections.abc import Callable
from pathlib import Path

from benchmarks import floors, http, measures, page, pure, reading
from benchmarks.growth import grow
from benchmarks.rivals import BULK_PEER, SUBMIT_PEERS, Rival, environment
from benchmarks.server import Bench, bench

Values = dict[str, float]

SLOW_PEER_JOBS = 3000
LATENCY_JOBS = 200
FEW_EVENTS, MANY_EVENTS = 10_000, 200_000


class Round:
    """One round: each method measures one subject, and our measures stand beside those they are compared with."""

    def __init__(self, on: Bench, python: Path, *, jobs: int, seconds: float) -> None:
        self._on = on
        self._jobs = jobs
        self._seconds = seconds
        self._rivals = {
            name: Rival(on, name, python) for name in ("pgqueuer", "procrastinate", "dbos", *SUBMIT_PEERS)
        }

    def submissions(self) -> Values:
        on, seconds = self._on, self._seconds
        values = {
            "pgbench 1": floors.pgbench_submit(on, clients=1, seconds=round(seconds)),
            "submit 1": measures.submit_one_by_one(on, submitters=1, seconds=seconds),
            "pgbench 8": floors.pgbench_submit(on, clients=8, seconds=round(seconds)),
            "submit 8": measures.submit_one_by_one(on, submitters=8, seconds=seconds),
        }
        for name in SUBMIT_PEERS:
            values[f"{name} submit 8"] = self._rivals[name].submit(submitters=8, seconds=seconds)
        return values

    def http(self) -> Values:
        bare = http.bare_routes(self._on, seconds=self._seconds)
        posted = http.post_jobs(self._on, seconds=self._seconds)
        return {"bare": bare["bare"], "bare insert": bare["insert"], "POST /jobs": posted}

    def drains(self) -> Values:
        on, jobs = self._on, self._jobs
        theirs = self._rivals[BULK_PEER].drain(jobs=jobs)
        values = {f"pgqueuer {name}": theirs[name] for name in ("bulk", "drain")}
        values["pgqueuer WAL bytes"] = theirs["wal"]
        on.fresh()
        ours = measures.drain(on, jobs=jobs)
        values |= {"bulk submit": ours["bulk"], "drain": ours["drain"]}
        values["WAL bytes"] = ours["wal_submit"] + ours["wal_drain"]
        values |= {
            "WAL bytes of it, submission": ours["wal_submit"],
            "WAL bytes of it, drain": ours["wal_drain"],
        }
        on.fresh()
        values["drain, two of each"] = measures.drain(on, jobs=jobs, parts=["relay", "worker"] * 2)["drain"]
        on.fresh()
        values["drain, four of each"] = measures.drain(on, jobs=jobs, parts=["relay", "worker"] * 4)["drain"]
        values["end to end"] = measures.end_to_end(on, jobs=jobs)
        for name in ("procrastinate", "dbos"):
            values[f"{name} drain"] = self._rivals[name].drain(jobs=SLOW_PEER_JOBS)["drain"]
        return values

    def growth(self) -> Values:
        on = self._on
        on.fresh()
        grow(on, events=FEW_EVENTS)
        few = reading.reads(on)
        grow(on, events=MANY_EVENTS)
        many = reading.reads(on)
        return {
            "get at 10k, ms": few["get"],
            "list at 10k, ms": few["list"],
            "get, ms": many["get"],
            "list, ms": many["list"],
            "drain at 200k": measures.drain(on, jobs=self._jobs)["drain"],
        }

    def latency(self) -> Values:
        ours = measures.idle_latency(self._on)
        theirs = self._rivals["pgqueuer"].latency(jobs=LATENCY_JOBS)
        return {
            "latency, ms": ours["median"],
            "latency p99, ms": ours["p99"],
            "pgqueuer latency, ms": theirs["median"],
            "pgqueuer latency p99, ms": theirs["p99"],
        }

    def pure(self) -> Values:
        return {"apply": pure.folded_a_second(), "decide, us": pure.decide_microseconds()}


SUBJECTS: dict[str, Callable[[Round], Values]] = {
    "submissions": Round.submissions,
    "http": Round.http,
    "drains": Round.drains,
    "growth": Round.growth,
    "latency": Round.latency,
    "pure": Round.pure,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--only", choices=SUBJECTS, nargs="+", help="measure these and write nothing")
    asked = parser.parse_args()
    python = environment(Path(".jobledger"))
    rounds: list[Values] = []
    with bench() as on:
        for number in range(1, asked.rounds + 1):
            this = Round(on, python, jobs=asked.jobs, seconds=asked.seconds)
            rounds.append({})
            for name in asked.only or SUBJECTS:
                found = SUBJECTS[name](this)
                rounds[-1] |= found
                told = ", ".join(f"{measure} {value:,.1f}" for measure, value in found.items())
                print(f"round {number}, {name}: {told}", flush=True)
    if asked.only:
        return
    page.write(rounds, jobs=asked.jobs, cores=os.cpu_count() or 1)
    print(page.PAGE.read_text())


main()
