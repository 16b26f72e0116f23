"""Our own measures: the shipped code with its shipped defaults."""

import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import psycopg

from adapters.postgres.statements import statement
from benchmarks.proving import until_sealed
from benchmarks.server import Bench, run
from domain import decisions
from domain.events import Actor, ActorKind, Provenance
from domain.identifiers import Json, UserId
from domain.job_types import JobContext, JobTypes, job_type
from domain.ports.event_store import Change
from domain.ports.hints import Topic
from domain.retries import RetryPolicy
from domain.sample_task import sample_task
from entrypoints import bootstrap
from entrypoints.relay import relay_until
from entrypoints.services import Services
from entrypoints.worker import Worker

NOTE = "x" * 60
# Made once, as a job type's is.
POLICY = RetryPolicy()
WARM_UP = 20
LATENCY_JOBS = 200
LEFT = "SELECT EXISTS (SELECT FROM pgmq.q_job_queue) OR EXISTS (SELECT FROM jobledger.outbox)"
TOOK = """SELECT extract(epoch FROM max(finished_at) - min(started_at)),
    extract(epoch FROM max(finished_at) - min(created_at)), count(*) FILTER (WHERE status = 'completed')
    FROM jobledger.jobs WHERE id > '{after}'"""
WRITTEN = """WITH blocks AS (
    SELECT DISTINCT ON (start_lsn) start_lsn, relfilenode
    FROM pg_get_wal_block_info('{since}', pg_current_wal_lsn()) ORDER BY start_lsn, block_id
)
SELECT coalesce(regexp_replace(coalesce(toasted.relname, t.relname, c.relname), '_20.._..$', ''), 'all else') AS name,
    sum(r.record_length)::bigint
FROM pg_get_wal_records_info('{since}', pg_current_wal_lsn()) AS r
LEFT JOIN blocks AS b ON b.start_lsn = r.start_lsn
LEFT JOIN pg_class AS c ON c.relfilenode = b.relfilenode AND c.relnamespace <> 'pg_catalog'::regnamespace
LEFT JOIN pg_index AS i ON i.indexrelid = c.oid
LEFT JOIN pg_class AS t ON t.oid = i.indrelid
LEFT JOIN pg_class AS toasted ON toasted.reltoastrelid = coalesce(t.oid, c.oid)
GROUP BY 1 HAVING sum(r.record_length) > 0"""
# What each part asks for first; the server shows a statement as it is sent, but for its parameters.
ASKING = {"relay": "outbox/relay", "worker": "job_queue/start_waiting"}
HELD_BACK = """SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
    AND wait_event_type = 'Lock' AND starts_with(query, '{begin}')"""
START_SECONDS = 60
NEWEST = "SELECT coalesce(max(id::text), '00000000-0000-0000-0000-000000000000') FROM jobledger.jobs"


def new_job(services: Services, job_type: str = "sample_task", parameters: Json = None) -> Change:
    event = decisions.submit(
        user_id=UserId("bench"),
        job_type=job_type,
        policy=POLICY,
        at=services.clock.now(),
        job_parameters=parameters or {"result": NOTE},
    )
    actor = Actor(ActorKind.USER, "bench")
    provenance = Provenance(actor=actor, command_id=services.ids.command_id(), request_id="bench")
    return Change(job_id=services.ids.job_id(), before=None, event=event, provenance=provenance)


def submit_one_by_one(bench: Bench, *, submitters: int, seconds: float) -> float:
    """Jobs a second, each acknowledged as durable before its submitter goes on."""

    async def measure() -> float:
        async with bench.services() as services:
            count = 0
            end = time.perf_counter() + seconds

            async def submitter() -> None:
                nonlocal count
                while time.perf_counter() < end:
                    await services.store.append([new_job(services)])
                    count += 1

            await asyncio.gather(*(submitter() for _ in range(submitters)))
            return count / seconds

    bench.fresh()
    rate: float = run(measure())
    return rate


def preload(bench: Bench, jobs: int) -> float:
    """Submit `jobs` jobs, a thousand a call; jobs a second."""

    async def measure() -> float:
        async with bench.services() as services:
            began = time.perf_counter()
            for _ in range(jobs // 1000):
                await services.store.append([new_job(services) for _ in range(1000)])
                # As whoever submits does.
                services.hints.announce(Topic.OUTBOX)
            return jobs / (time.perf_counter() - began)

    rate: float = run(measure())
    return rate


@contextmanager
def part(bench: Bench, name: str) -> Iterator[int]:
    """One part of the service as a process of its own, as shipped; its process id."""
    settings = bench.settings
    environment = os.environ | {
        "TRANSACTION_POOLER_URL": settings.database_url,
        "LISTEN_URL": settings.database_url,
        "DATABASE_IS_POOLED": "false",
        "DATA_DIRECTORY": str(settings.data_directory),
        "API_HOST": settings.api_host,
        "API_PORT": str(settings.api_port),
    }
    with (bench.directory / f"{name}.log").open("a") as log:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "entrypoints.parts", name], env=environment, stdout=log, stderr=log
        )
        try:
            yield process.pid
        finally:
            process.terminate()
            process.wait()


def drain(bench: Bench, *, jobs: int, parts: Sequence[str] = ("relay", "worker")) -> dict[str, float]:
    """The parts, let loose on the jobs that are there: rates and WAL bytes; what is in the tables stays there.

    From the first attempt's start to the last job's end, by the database's clock; relaying is inside, and the
    start of the processes, half a second of a core each, is not.
    """
    ((after,),) = bench.rows(NEWEST)
    bench.run("CHECKPOINT")
    before = bench.wal_bytes()
    bulk = preload(bench, jobs)
    preloaded = bench.wal_bytes()
    bench.run("VACUUM ANALYZE", "CHECKPOINT")
    begun = bench.wal_bytes()
    start = str(bench.rows("SELECT pg_current_wal_lsn()")[0][0])
    with running(bench, parts, at_once=True):
        until_drained(bench)
        if "sealer" in parts:
            until_sealed(bench)
    ended = bench.wal_bytes()
    ((seconds, _, completed),) = bench.rows(TOOK.format(after=after))
    assert completed == jobs, f"{completed} of {jobs} jobs completed"
    return {
        "bulk": bulk,
        "drain": jobs / float(seconds),
        "wal_submit": (preloaded - before) / jobs,
        "wal_drain": (ended - begun) / jobs,
        **{f"wal of {name}": size / jobs for name, size in wal_by_table(bench, since=start).items()},
    }


def wal_by_table(bench: Bench, *, since: str) -> dict[str, int]:
    """Bytes written for each table with its indexes, and for commits and all else, since that place in the log."""
    bench.run("CREATE EXTENSION IF NOT EXISTS pg_walinspect")
    return {str(name): int(size) for name, size in bench.rows(WRITTEN.format(since=since))}


def end_to_end(bench: Bench, *, jobs: int, parts: Sequence[str] = ("relay", "worker")) -> float:
    """Jobs a second from the first submission to the last end, with relay and worker at work meanwhile."""
    bench.fresh()
    with running(bench, parts):
        preload(bench, 1000)
        until_drained(bench)
        ((after,),) = bench.rows(NEWEST)
        preload(bench, jobs)
        until_drained(bench)
    ((_, seconds, completed),) = bench.rows(TOOK.format(after=after))
    assert completed == jobs, f"{completed} of {jobs} jobs completed"
    return jobs / float(seconds)


def until_drained(bench: Bench) -> None:
    # The queue, not the jobs: counting those would slow down what is measured.
    while bench.rows(LEFT)[0][0]:
        time.sleep(0.1)


@contextmanager
def running(bench: Bench, parts: Sequence[str], *, at_once: bool = False) -> Iterator[None]:
    """The parts while the block lasts; `at_once` holds the queue back until all of them ask for it."""
    with ExitStack() as stack, psycopg.connect(bench.server.database(bench.database)) as holding:
        if at_once:
            holding.execute("LOCK TABLE pgmq.q_job_queue")
        for name in parts:
            stack.enter_context(part(bench, name))
        if at_once:
            _until_all_ask(bench, parts)
        holding.rollback()
        yield


def _until_all_ask(bench: Bench, parts: Sequence[str]) -> None:
    end = time.monotonic() + START_SECONDS
    for name, query in ASKING.items():
        begin = statement(query).decode().split("%", 1)[0][:60]
        while bench.rows(HELD_BACK.format(begin=begin))[0][0] < parts.count(name):
            assert time.monotonic() < end, f"a {name} does not start"
            time.sleep(0.02)


def idle_latency(bench: Bench) -> dict[str, float]:
    """Milliseconds from just before the submission to the start of the function, in one process."""
    started: dict[str, float] = {}
    # Waited for, not polled: a loop that keeps looking keeps the service from working.
    has_started = asyncio.Event()

    @job_type("note_the_time")
    async def note_the_time(context: JobContext, parameters: dict[str, Any]) -> Json:  # noqa: ARG001
        started[context.job_id] = time.perf_counter()
        has_started.set()
        return None

    async def measure() -> list[float]:
        async with bench.services() as opened:
            services = replace(opened, types=JobTypes([sample_task, note_the_time]))
            leaving = asyncio.Event()
            worker = Worker(services, bootstrap.local_compute(services, bench.settings), bench.settings)
            parts = [
                asyncio.create_task(worker.run(leaving)),
                asyncio.create_task(relay_until(leaving, services, bench.settings)),
            ]
            latencies = []
            for _ in range(WARM_UP + LATENCY_JOBS):
                began = time.perf_counter()
                job = new_job(services, "note_the_time")
                await services.store.append([job])
                services.hints.announce(Topic.OUTBOX)
                await has_started.wait()
                has_started.clear()
                latencies.append(1000 * (started[job.job_id] - began))
                await asyncio.sleep(0.02)
            leaving.set()
            await asyncio.gather(*parts)
            return latencies[WARM_UP:]

    bench.fresh()
    latencies: list[float] = run(measure())
    return {"median": statistics.median(latencies), "p99": statistics.quantiles(latencies, n=100)[98]}
