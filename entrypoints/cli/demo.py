"""`jobledger demo`: the main job on real input, in one command from nothing."""

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Annotated, Any

import httpx
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from domain.errors import InvalidSettings
from domain.identifiers import JobId
from domain.use_cases.verify import verify_jobs
from entrypoints import bootstrap
from entrypoints.cli import output
from entrypoints.cli.serve import DataDirectory, Port, chosen_settings
from entrypoints.local_service import LocalService, local_service
from entrypoints.log_setup import set_up_logging
from entrypoints.loops import leave_on_signals
from entrypoints.parts import run_async

END_WITHIN_SECONDS = 120
SUBMITTERS = 16


def register(app: typer.Typer) -> None:
    app.command()(demo)


def demo(
    jobs: Annotated[int, typer.Option(help="How many to run.")] = 300,
    port: Port = None,
    data_directory: DataDirectory = None,
    kill_worker: Annotated[
        bool, typer.Option("--kill-worker", help="Kill the worker (SIGKILL) while it runs jobs.")
    ] = False,
) -> None:
    """Start the service, run a few hundred jobs of several kinds, and check every one of them."""
    settings = chosen_settings(port, data_directory)
    set_up_logging("WARNING")

    async def run() -> bool:
        leaving = leave_on_signals()
        with _open_log(settings.data_directory) as log:
            async with local_service(settings, leaving=leaving, output=log) as service:
                return await _unless_leaving(Demo(service, jobs, kill_worker=kill_worker).run(), leaving)

    if not run_async(run()):
        sys.exit(1)


def _open_log(directory: Path) -> IO[str]:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        # Added to: whatever runs in this directory already may be writing there.
        return (directory / "demo.log").open("a")
    except OSError as error:
        raise InvalidSettings(f"DATA_DIRECTORY: {directory} cannot be used: {error.strerror}.") from error


async def _unless_leaving(work: Coroutine[Any, Any, bool], leaving: asyncio.Event) -> bool:
    """What the work finds; not proven when the service, or the user, leaves before that."""
    working = asyncio.create_task(work)
    asked = asyncio.create_task(leaving.wait())
    await asyncio.wait((working, asked), return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    if working.done():
        return working.result()
    working.cancel()
    await asyncio.wait((working,))
    print_line("Interrupted; `jobledger up` finishes what was accepted.")
    return False


def kinds(count: int) -> list[dict[str, Any]]:
    """What is submitted: mostly good jobs, and every way in which one may go otherwise."""
    soon = (datetime.now(UTC) + timedelta(seconds=3)).isoformat()
    patterns: list[dict[str, Any]] = [
        {"job_parameters": {}, "tags": ["plain"]},
        {"job_parameters": {"steps": 4, "duration_seconds": 1, "progress": True}, "tags": ["progress"]},
        {"job_parameters": {"fail_on_attempts": [1]}, "tags": ["retried"]},
        {"job_parameters": {"result": {"sum": 3}, "data_references": ["s3://bucket/report"]}, "priority": 9},
        {"job_parameters": {"fail_on_attempts": [1], "retryable": False}, "tags": ["hopeless"]},
        {"job_parameters": {"fail_on_attempts": [1, 2, 3]}, "tags": ["given up"], "max_attempts": 2},
        {"job_parameters": {}, "run_at": soon, "tags": ["delayed"]},
        {"job_parameters": {"duration_seconds": 60}, "tags": ["cancelled while it runs"]},
        {"job_parameters": {}, "priority": 1, "tags": ["plain"]},
        {"job_parameters": {"duration_seconds": 0.2}, "tags": ["slow"]},
    ]
    rare = {7: 60}
    chosen = [n % len(patterns) for n in range(count)]
    return [
        {"job_type": "sample_task"} | patterns[kind if n % rare.get(kind, 1) in (0, kind) else 0]
        for n, kind in enumerate(chosen)
    ]


class Demo:
    def __init__(self, service: LocalService, count: int, *, kill_worker: bool) -> None:
        self._service = service
        self._count = count
        self._is_to_be_killed = kill_worker
        self._victims: list[str] = []
        headers = {"Authorization": f"Bearer {service.token}"}
        self._client = httpx.AsyncClient(base_url=service.url, headers=headers, timeout=30, trust_env=False)
        self._accepted: dict[str, dict[str, Any]] = {}

    async def run(self) -> bool:
        """Whether everything was as it should be."""
        print_line(f"Jobledger runs at {self._service.url}; submitting {self._count} jobs over HTTP.")
        async with self._client:
            await self._submit_all()
            ahead = await self._submit(
                {"job_type": "sample_task", "run_at": "2100-01-01T00:00:00Z", "tags": ["cancelled"]}
            )
            await self._cancel(ahead, "nobody waits that long")
            await self._follow()
            await self._show_a_history()
            return await self._check()

    async def _submit_all(self) -> None:
        waiting = kinds(self._count - 1)
        waiting.reverse()

        async def submitter() -> None:
            while waiting:
                await self._submit(waiting.pop())

        await asyncio.gather(*(submitter() for _ in range(SUBMITTERS)))

    async def _submit(self, asked: dict[str, Any]) -> str:
        answer = await self._client.post("/jobs", json=asked)
        answer.raise_for_status()
        job = answer.json()
        self._accepted[job["id"]] = job
        return str(job["id"])

    async def _cancel(self, job_id: str, reason: str) -> None:
        answer = await self._client.post(f"/jobs/{job_id}/cancel", json={"reason": reason})
        # It may have ended, or been asked already, between our look and our act.
        if answer.status_code != httpx.codes.CONFLICT:
            answer.raise_for_status()

    async def _follow(self) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + END_WITHIN_SECONDS
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        is_terminal = output.console.is_terminal
        with Progress(*columns, console=output.console, disable=not is_terminal) as progress:
            bar = progress.add_task("jobs ended", total=len(self._accepted))
            told = -1
            while loop.time() < deadline:
                jobs = await self._jobs()
                counts = Counter(job["status"] for job in jobs)
                ended = sum(counts[status] for status in ("completed", "failed", "cancelled"))
                progress.update(bar, completed=ended)
                if not is_terminal and ended != told:
                    print_line(", ".join(f"{count} {status}" for status, count in sorted(counts.items())))
                told = ended
                if ended == len(self._accepted):
                    return
                self._kill_the_worker(jobs)
                for job in jobs:
                    if job["status"] == "processing" and "cancelled while it runs" in job["tags"]:
                        await self._cancel(job["id"], "it takes too long")
                await asyncio.sleep(0.4)

    def _kill_the_worker(self, jobs: list[dict[str, Any]]) -> None:
        """Once, while it runs something that takes its time."""
        running = [job["id"] for job in jobs if job["status"] == "processing" and "progress" in job["tags"]]
        if running and self._is_to_be_killed and not self._victims:
            self._victims = running
            os.kill(self._service.pids["worker"], signal.SIGKILL)
            print_line(f"kill -9 of the worker, which runs {len(running)} jobs that take a second")

    async def _jobs(self) -> list[dict[str, Any]]:
        """The submitted jobs, as the lists show them."""
        found: list[dict[str, Any]] = []
        path: str | None = "/jobs?limit=100"
        while path and len(found) < len(self._accepted):
            page = (await self._client.get(path)).raise_for_status().json()
            found += [job for job in page["jobs"] if job["id"] in self._accepted]
            path = page["next"]
        return found

    async def _show_a_history(self) -> None:
        retried = [job["id"] for job in self._accepted.values() if "retried" in job["tags"]]
        for job_id in (self._victims or retried)[:1]:
            page = (await self._client.get(f"/jobs/{job_id}/events")).raise_for_status().json()
            print_line(f"\nThe life of job {job_id}:")
            output.console.print(output.history_table(page["events"]))

    async def _check(self) -> bool:
        jobs = await self._jobs()
        ended = [job for job in jobs if job["finished_at"]]
        counts = Counter(job["status"] for job in jobs)
        print_line(", ".join(f"{count} {status}" for status, count in sorted(counts.items())))
        async with bootstrap.open_services(self._service.settings) as services:
            job_ids = [JobId(job_id) for job_id in self._accepted]
            differing = await verify_jobs(services.store, services.views, job_ids=job_ids)
        lost = len(self._accepted) - len(jobs)
        equal = len(job_ids) - len(differing)
        print_line(
            f"{len(self._accepted)} accepted, {len(ended)} ended, {lost} lost; "
            f"read model equals its events ({equal} of {len(job_ids)})"
        )
        for job in jobs:
            if not job["finished_at"]:
                print_line(f"job {job['id']} has not ended: it is {job['status']}")
        for job_id, fields in differing.items():
            print_line(f"job {job_id} differs from its events in {', '.join(fields)}")
        return lost == 0 and len(ended) == len(self._accepted) and not differing


def print_line(line: str) -> None:
    output.console.print(line, highlight=False, soft_wrap=True)
