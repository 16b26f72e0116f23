"""The service as processes on a real PostgreSQL, under load, while all is killed; then the reckoning."""

import threading
import time
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import httpx
import psycopg

from adapters.embedded_postgres import EmbeddedPostgres
from tests.chaos.effects import SCHEMA
from tests.chaos.faults import Faults
from tests.chaos.leftovers import leftovers
from tests.chaos.pooled import pooled_worker
from tests.chaos.reckoning import Reckoning, reckon
from tests.end_to_end.up import Up, started, until
from tests.pgbouncer import PROGRAM

SETTLE_SECONDS = 120.0


@dataclass
class Load:
    """A client that never stops: it submits with a key, and asks again with the same key until it is told."""

    up: Up
    random: Random
    acknowledged: set[str] = field(default_factory=set)
    answers: Counter[int] = field(default_factory=Counter)
    stopping: threading.Event = field(default_factory=threading.Event)

    def run(self, name: str) -> None:
        number = 0
        while not self.stopping.is_set():
            number += 1
            self._submit(f"{name}-{number}")
            if self.acknowledged and self.random.random() < 0.05:
                job_id = self.random.choice(sorted(self.acknowledged))
                with suppress(httpx.HTTPError):
                    self.up.client.post(f"/jobs/{job_id}/cancel", json={"reason": "chaos"})

    def _submit(self, key: str) -> None:
        seconds = self.random.choice([0, 0, 0.05, 1.5])
        job_type = self.random.choice(["at_least_once", "exactly_once"])
        body = {"job_type": job_type, "job_parameters": {"seconds": seconds}}
        while not self.stopping.is_set():
            try:
                answer = self.up.client.post("/jobs", json=body, headers={"Idempotency-Key": key})
            except httpx.HTTPError:
                self.stopping.wait(0.05)
                continue
            self.answers[answer.status_code] += 1
            if answer.status_code == httpx.codes.ACCEPTED:
                self.acknowledged.add(answer.json()["id"])
                return
            self.stopping.wait(0.05)


def chaos(directory: Path, *, seconds: float, seed: int, clients: int = 4) -> Reckoning:
    """Run load and faults for a while, let everything drain, and check all of it."""
    random = Random(seed)  # noqa: S311 - a schedule, not a secret
    data = directory / "data"
    with ExitStack() as stack:
        up = stack.enter_context(started(data, JOB_MODULES="tests.chaos.effects", LOG_LEVEL="WARNING"))
        server = EmbeddedPostgres(data / "postgres")
        url = server.database("jobledger")
        with psycopg.connect(url, autocommit=True) as owner:
            owner.execute(SCHEMA)
        pooled = stack.enter_context(pooled_worker(directory, server)) if PROGRAM else None
        load = Load(up, random)
        threads = [threading.Thread(target=load.run, args=(f"client-{n}",)) for n in range(clients)]
        for thread in threads:
            thread.start()
        faults = Faults(up, server, random, pooled)
        end = time.monotonic() + seconds
        try:
            while time.monotonic() < end:
                time.sleep(random.uniform(0.3, 2.0))
                faults.one()
        finally:
            load.stopping.set()
            for thread in threads:
                thread.join()
        _drain(url, directory)
        return reckon(url, acknowledged=load.acknowledged, answers=load.answers, faults=faults.done)


def _drain(url: str, directory: Path) -> None:
    """Wait until nothing is left to do; says what is left when that takes too long."""
    until(lambda: _has_drained(url), SETTLE_SECONDS, told=lambda: leftovers(url, directory))


def _has_drained(url: str) -> bool:
    query = """SELECT (SELECT count(*) FROM jobledger.jobs WHERE finished_at IS NULL)
        + (SELECT count(*) FROM pgmq.q_job_queue) + (SELECT count(*) FROM jobledger.outbox)"""
    with suppress(psycopg.Error), psycopg.connect(url, connect_timeout=2) as owner:
        return owner.execute(query).fetchone() == (0,)
    return False
