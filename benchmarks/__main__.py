"""Runs every measure several times, ours and the peers' in turns, and writes docs/benchmarks.md."""

import argparse
import json
import os
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from benchmarks import floors, http, measures, page, proving, pure, reading
from benchmarks.growth import FEW_USERS, grow
from benchmarks.rivals import BULK_PEER, SUBMIT_PEERS, Rival, environment
from benchmarks.server import Bench, bench

Values = dict[str, float]

SLOW_PEER_JOBS = 3000
LATENCY_JOBS = 200
FEW_EVENTS, MANY_EVENTS = 10_000, 200_000


class Round:
    """One round: each method measures one subject, and our measures stand beside those they are compared with."""

    def __init__(self, on: Bench, python: Path, asked: argparse.Namespace) -> None:
        self._on = on
        self._jobs: int = asked.jobs
        self._seconds: float = asked.seconds
        self._events: int = asked.events
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
        on.fresh()
        values["drain, two of each"] = measures.drain(on, jobs=jobs, parts=["relay", "worker"] * 2)["drain"]
        on.fresh()
        values["drain, four of each"] = measures.drain(on, jobs=jobs, parts=["relay", "worker"] * 4)["drain"]
        values["end to end"] = measures.end_to_end(on, jobs=jobs)
        for name in ("procrastinate", "dbos"):
            values[f"{name} drain"] = self._rivals[name].drain(jobs=SLOW_PEER_JOBS)["drain"]
        return values

    def ledger(self) -> Values:
        """With the sealer at work; its bytes count for the submissions too, whose events it seals."""
        on, jobs = self._on, self._jobs
        on.fresh()
        without = measures.drain(on, jobs=jobs)["drain"]
        on.fresh()
        ours = measures.drain(on, jobs=jobs, parts=["relay", "worker", "sealer"])
        return {
            "drain before sealing": without,
            "drain, sealing": ours["drain"],
            "WAL bytes": ours["wal_submit"] + ours["wal_drain"],
            "WAL bytes of it, submission": ours["wal_submit"],
            **{f"WAL bytes of it, {name}": size for name, size in ours.items() if name.startswith("wal of")},
            "verified": proving.verified_a_second(on),
        }

    def growth(self) -> Values:
        on = self._on
        on.fresh()
        grow(on, events=FEW_EVENTS, users=FEW_USERS)
        few = reading.reads(on)
        on.fresh()
        empty = measures.drain(on, jobs=self._jobs)["drain"]
        grow(on, events=MANY_EVENTS)
        return {
            "get at 10k, ms": few["get"],
            "list at 10k, ms": few["list"],
            "drain before growth": empty,
            "drain at 200k": measures.drain(on, jobs=self._jobs)["drain"],
            "compared": proving.compared_a_second(on),
        }

    def grown(self) -> Values:
        """Among as many events as are asked for: made once, where the data stay."""
        big = self._on.over("grown")
        grow(big, events=self._events)
        self._on.fresh()
        grow(self._on, events=FEW_EVENTS, users=FEW_USERS)
        few, many = reading.reads(self._on), reading.reads(big)
        self._on.fresh()
        return {
            "get at 10k beside, ms": few["get"],
            "list at 10k beside, ms": few["list"],
            "get, ms": many["get"],
            "list, ms": many["list"],
            "drain before 10m": measures.drain(self._on, jobs=self._jobs)["drain"],
            "drain at 10m": measures.drain(big, jobs=self._jobs)["drain"],
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
    "ledger": Round.ledger,
    "growth": Round.growth,
    "grown": Round.grown,
    "latency": Round.latency,
    "pure": Round.pure,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--events", type=int, default=10_000_000, help="how many the large tables hold")
    parser.add_argument(
        "--directory", type=Path, help="where server and results stay, for measuring in pieces"
    )
    parser.add_argument("--only", choices=SUBJECTS, nargs="*", help="measure these, and leave the page alone")
    parser.add_argument("--page", action="store_true", help="write the page of all results in the directory")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        results = (asked.directory or Path(name)) / "results.jsonl"
        with bench(asked.directory) as on:
            for _ in range(asked.rounds):
                this = Round(on, environment(Path(".jobledger")), asked)
                for subject in SUBJECTS if asked.only is None else asked.only:
                    _keep(results, subject, SUBJECTS[subject](this))
        if asked.page or asked.only is None:
            page.write(_rounds(results), jobs=asked.jobs, events=asked.events, cores=os.cpu_count() or 1)
            print(page.PAGE.read_text())


def _keep(results: Path, subject: str, found: Values) -> None:
    told = ", ".join(f"{measure} {value:,.2f}" for measure, value in found.items())
    print(f"{subject}: {told}", flush=True)
    with results.open("a") as file:
        file.write(json.dumps([subject, found]) + "\n")


def _rounds(results: Path) -> list[Values]:
    """The results, the first of each subject in the first round, and so on."""
    rounds: list[Values] = []
    seen: Counter[str] = Counter()
    for line in results.read_text().splitlines():
        subject, found = json.loads(line)
        seen[subject] += 1
        rounds += [{}] * (seen[subject] > len(rounds))
        rounds[seen[subject] - 1] = rounds[seen[subject] - 1] | found
    return rounds


main()
