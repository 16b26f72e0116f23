"""The service as processes on a real PostgreSQL, under load, while all is killed; then the reckoning."""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import httpx
import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import set_json_loads
from psycopg.types.string import TextLoader

from adapters.embedded_postgres import EmbeddedPostgres
from adapters.postgres import event_codec, view_codec
from adapters.postgres.event_codec import loads
from domain.events import EVENT_TYPES, JobCancelled, JobCompleted, JobFailed, JobRetried, RecordedEvent
from domain.lifecycle import is_legal
from domain.views import JobView, project
from tests.chaos.effects import SCHEMA
from tests.end_to_end.up import Up, started, until

SETTLE_SECONDS = 120.0
FREEZE_SECONDS = 4.0


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


class Faults:
    """What can go wrong, done on purpose; only to processes of this run, by pid."""

    def __init__(self, up: Up, server: EmbeddedPostgres, random: Random) -> None:
        self._up = up
        self._server = server
        self._random = random
        self.done: Counter[str] = Counter()

    def one(self) -> None:
        kinds: dict[str, Callable[[], None]] = {
            "worker killed": lambda: self._kill("worker"),
            "relay killed": lambda: self._kill("relay"),
            "API killed": lambda: self._kill("api"),
            "worker frozen": lambda: self._freeze("worker"),
            "relay frozen": lambda: self._freeze("relay"),
            "connections dropped": self._drop_connections,
            "connections used up": self._use_up_connections,
            "database crashed": lambda: self._server.stop("immediate"),
        }
        name = self._random.choice(list(kinds))
        with suppress(ProcessLookupError, psycopg.Error, KeyError, FileNotFoundError, IndexError):
            kinds[name]()
            self.done[name] += 1

    def _kill(self, part: str) -> None:
        os.kill(self._up.children()[part], signal.SIGKILL)

    def _freeze(self, part: str) -> None:
        pid = self._up.children()[part]
        os.kill(pid, signal.SIGSTOP)
        try:
            time.sleep(FREEZE_SECONDS)
        finally:
            os.kill(pid, signal.SIGCONT)

    def _drop_connections(self) -> None:
        with psycopg.connect(self._server.url, autocommit=True, connect_timeout=2) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'jobledger_service'"
            )

    def _use_up_connections(self) -> None:
        held: list[psycopg.Connection[Any]] = []
        with suppress(psycopg.Error):
            held.extend(psycopg.connect(self._server.url, connect_timeout=2) for _ in range(250))
        time.sleep(1.0)
        for connection in held:
            connection.close()


@dataclass
class Reckoning:
    """What the checker found; `wrong` is empty when every promise held."""

    faults: Counter[str]
    acknowledged: int
    statuses: Counter[str]
    answers: Counter[int]
    events: int
    lost_attempts: int
    wrong: list[str]

    def table(self) -> str:
        rows = [
            ("faults injected", f"{sum(self.faults.values())}: {_listed(self.faults)}"),
            ("answers to submissions", _listed(self.answers)),
            ("jobs acknowledged", str(self.acknowledged)),
            ("how they ended", _listed(self.statuses)),
            ("events", f"{self.events}, of them {self.lost_attempts} lost attempts"),
            ("wrong", "; ".join(self.wrong[:10]) or "nothing: lost 0, double outcomes 0, double effects 0"),
        ]
        return "\n".join(
            f"| {name} | {value} |" for name, value in [("what", "figure"), ("---", "---"), *rows]
        )


def _listed(counts: Counter[Any]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items(), key=str))


def chaos(directory: Path, *, seconds: float, seed: int, clients: int = 4) -> Reckoning:
    """Run load and faults for a while, let everything drain, and check all of it."""
    random = Random(seed)  # noqa: S311 - a schedule, not a secret
    data = directory / "data"
    with started(data, JOB_MODULES="tests.chaos.effects", LOG_LEVEL="WARNING") as up:
        server = EmbeddedPostgres(data / "postgres")
        with psycopg.connect(server.database("jobledger"), autocommit=True) as owner:
            owner.execute(SCHEMA)
        load = Load(up, random)
        threads = [threading.Thread(target=load.run, args=(f"client-{n}",)) for n in range(clients)]
        for thread in threads:
            thread.start()
        faults = Faults(up, server, random)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(random.uniform(0.3, 2.0))
            faults.one()
        load.stopping.set()
        for thread in threads:
            thread.join()
        until(lambda: _has_drained(server), SETTLE_SECONDS)
        return _reckon(server, load, faults)


def _has_drained(server: EmbeddedPostgres) -> bool:
    query = """SELECT (SELECT count(*) FROM jobledger.jobs WHERE finished_at IS NULL)
        + (SELECT count(*) FROM pgmq.q_job_queue) + (SELECT count(*) FROM jobledger.outbox)"""
    with suppress(psycopg.Error), psycopg.connect(server.database("jobledger")) as owner:
        return owner.execute(query).fetchone() == (0,)
    return False


def _reckon(server: EmbeddedPostgres, load: Load, faults: Faults) -> Reckoning:
    wrong: list[str] = []
    with psycopg.connect(server.database("jobledger"), row_factory=dict_row) as owner:
        set_json_loads(loads, owner)
        owner.adapters.register_loader("uuid", TextLoader)
        views = {
            row["id"]: view_codec.decode(row)
            for row in owner.execute("SELECT * FROM jobledger.jobs").fetchall()
        }
        rows = owner.execute(
            "SELECT * FROM jobledger.job_events WHERE type = ANY (%s) ORDER BY job_id, version",
            [list(EVENT_TYPES)],
        ).fetchall()
        streams: dict[str, list[RecordedEvent]] = {}
        for row in rows:
            streams.setdefault(row["job_id"], []).append(event_codec.decode(row))
        effects = {
            name: Counter(row["job_id"] for row in owner.execute(f"SELECT job_id FROM {name}").fetchall())  # noqa: S608
            for name in ("at_least_once", "exactly_once")
        }
        parked = owner.execute("SELECT error FROM jobledger.parked").fetchall()
    wrong += [f"job {job_id} was accepted and is gone" for job_id in load.acknowledged - set(views)]
    wrong += [f"parked: {row['error']}" for row in parked]
    for job_id, view in views.items():
        wrong += [f"job {job_id}: {problem}" for problem in _problems(view, streams.get(job_id, []), effects)]
    kinds = Counter(row["type"] for row in rows)
    return Reckoning(
        faults=faults.done,
        acknowledged=len(load.acknowledged),
        statuses=Counter(view.job.status.value for view in views.values()),
        answers=load.answers,
        events=len(rows),
        lost_attempts=kinds["AttemptLost"],
        wrong=wrong,
    )


def _problems(view: JobView, stream: list[RecordedEvent], effects: dict[str, Counter[str]]) -> list[str]:
    problems = []
    folded: JobView | None = None
    outcomes = 0
    for number, recorded in enumerate(stream, start=1):
        if recorded.version != number:
            problems.append(f"version {number} is missing")
        if not is_legal(folded.job.status if folded else None, recorded.event):
            problems.append(f"{type(recorded.event).__name__} at version {number} is illegal")
        outcomes = 0 if isinstance(recorded.event, JobRetried) else outcomes
        outcomes += isinstance(recorded.event, JobCompleted | JobFailed | JobCancelled)
        folded = project(folded, recorded)
    if folded != view:
        problems.append("its view is not the fold of its events")
    if outcomes != 1:
        problems.append(f"it has {outcomes} outcomes")
    completed = view.job.status == "completed"
    done = effects[view.job.job_type][view.job.id]
    if view.job.job_type == "exactly_once" and done != completed:
        problems.append(f"its effect happened {done} times")
    if view.job.job_type == "at_least_once" and completed and not done:
        problems.append("its effect never happened")
    return problems
