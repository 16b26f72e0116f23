"""Reads over HTTP, on tables of any size."""

import random
import statistics
import time
from collections.abc import Sequence

import httpx

from benchmarks.http import until_up
from benchmarks.measures import part
from benchmarks.server import ADDRESS, Bench
from domain.identifiers import UserId
from entrypoints import bootstrap

REQUESTS = 400
# All of whose jobs completed, at any size: the generator deals kinds of histories in twenties.
READER = UserId("user-7")
BASE = f"http://{ADDRESS[0]}:{ADDRESS[1]}"


def reads(bench: Bench) -> dict[str, float]:
    """The 99th percentile, in milliseconds, of single jobs and of pages, by one client without a pause."""
    issuer = bootstrap.local_issuer(bench.settings)
    assert issuer
    headers = {"Authorization": f"Bearer {issuer.issue(user_id=READER)}"}
    found = bench.rows(
        f"SELECT id FROM jobledger.jobs WHERE user_id = '{READER}' ORDER BY random() LIMIT 200"
    )
    one = [f"/jobs/{job_id}" for (job_id,) in found]
    pages = ["/jobs?limit=50", "/jobs?limit=50&status=completed", "/jobs?limit=50&job_type=sample_task"]
    with part(bench, "api"), httpx.Client(base_url=BASE, headers=headers, trust_env=False) as client:
        until_up("/health/db")
        return {"get": _p99(client, one), "list": _p99(client, pages)}


def _p99(client: httpx.Client, paths: Sequence[str]) -> float:
    times = []
    for number in range(REQUESTS + 50):
        path = random.choice(paths)
        begun = time.perf_counter()
        client.get(path).raise_for_status()
        if number >= 50:
            times.append(1000 * (time.perf_counter() - begun))
    return statistics.quantiles(times, n=100)[98]
