"""What is compared with what, and how far it has to get: the must and the goal of each ratio."""

from typing import NamedTuple

from benchmarks.rivals import BULK_PEER, SUBMIT_PEERS


class Goal(NamedTuple):
    """`ours` over the largest of `theirs`; `at_most` says that small is good. None: nothing is asked."""

    title: str
    ours: str
    theirs: tuple[str, ...]
    must: float | None
    goal: float | None
    at_most: bool = False

    def ratio(self, values: dict[str, float]) -> float | None:
        against = [values[name] for name in self.theirs if name in values]
        if self.ours not in values or len(against) < len(self.theirs):
            return None
        return values[self.ours] / max(against)

    def verdict(self, ratio: float) -> str:
        for word, bound in (("goal", self.goal), ("must", self.must)):
            if bound is not None and (ratio <= bound if self.at_most else ratio >= bound):
                return word
        return "" if self.must is None else "missed"


GOALS = [
    Goal("drain / PgQueuer", "drain", ("pgqueuer drain",), 0.9, 1.2),
    Goal("drain / Procrastinate", "drain", ("procrastinate drain",), 18, 18),
    Goal("drain / DBOS", "drain", ("dbos drain",), 15, 15),
    Goal("drain with the sealer / without", "drain, sealing", ("drain before sealing",), 0.85, 0.95),
    Goal("drain with 200,000 events there / on empty tables", "drain at 200k", ("drain before growth",), 0.95, 1),
    Goal("drain with 10 million events there / on empty tables", "drain at 10m", ("drain before 10m",), 0.95, 1),
    Goal("end to end / PgQueuer's drain", "end to end", ("pgqueuer drain",), 0.4, 0.55),
    Goal("two workers and relays / one", "drain, two of each", ("drain",), 1, 1),
    Goal("four workers and relays / one", "drain, four of each", ("drain",), 1, 1),
    Goal("submit, 8 at once / the best peer", "submit 8", tuple(f"{name} submit 8" for name in SUBMIT_PEERS), 1.5, 2),
    Goal("submit, 8 at once / pgbench of the same statement", "submit 8", ("pgbench 8",), None, None),
    Goal("submit, one at a time / pgbench of the same statement", "submit 1", ("pgbench 1",), None, None),
    Goal("bulk submit / PgQueuer", "bulk submit", (f"{BULK_PEER} bulk",), 0.5, 1),
    Goal("POST /jobs / a bare FastAPI route with one INSERT", "POST /jobs", ("bare insert",), 0.75, 1.3),
    Goal("POST /jobs / a bare FastAPI route without database", "POST /jobs", ("bare",), None, 0.7),
    Goal("idle latency, median / PgQueuer", "latency, ms", ("pgqueuer latency, ms",), 2, 1, at_most=True),
    Goal("idle latency, p99 / PgQueuer", "latency p99, ms", ("pgqueuer latency p99, ms",), 3, 2, at_most=True),
    Goal("WAL bytes a completed job / PgQueuer", "WAL bytes", ("pgqueuer WAL bytes",), 2.2, 1.2, at_most=True),
    Goal("GET /jobs/{id}, p99, among 10 million events / 10,000", "get, ms", ("get at 10k beside, ms",), 1.5, 1.2, at_most=True),
    Goal("GET /jobs, p99, among 10 million events / 10,000", "list, ms", ("list at 10k beside, ms",), 1.5, 1.2, at_most=True),
]  # fmt: skip


class Floor(NamedTuple):
    """An absolute figure that is asked for."""

    title: str
    ours: str
    must: float
    goal: float
    at_most: bool = False


FLOORS = [
    Floor("`apply`, events a second", "apply", 200_000, 500_000),
    Floor("`jobledger verify`, events a second", "compared", 50_000, 100_000),
    Floor("`jobledger audit verify`, events a second", "verified", 30_000, 100_000),
    Floor("one decision, microseconds", "decide, us", 4, 2, at_most=True),
]
