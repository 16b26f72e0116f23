"""A running `jobledger up`, for tests that kill it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

READY_SECONDS = 60.0
END_SECONDS = 60.0
LOOK_AGAIN_SECONDS = 0.05
ENDED = ("completed", "failed", "cancelled")


class Up:
    """A running `jobledger up`, and what a client sees of it."""

    def __init__(self, data_directory: Path, port: int, **settings: str) -> None:
        self._settings = settings
        self._command = [
            sys.executable, "-m", "entrypoints.cli", "up",
            "--data-directory", str(data_directory), "--port", str(port),
        ]  # fmt: skip
        self.url = f"http://127.0.0.1:{port}"
        self.data_directory = data_directory
        self._port = port
        self.start()

    def start(self) -> None:
        quick = {"LEASE_SECONDS": "2", "DRAIN_SECONDS": "1", "CANCEL_GRACE_SECONDS": "1"}
        environment = os.environ | quick | self._settings
        self._log = (self.data_directory.parent / "up.log").open("a")
        self.process = subprocess.Popen(
            self._command, env=environment, stdout=self._log, stderr=self._log, start_new_session=True
        )
        until(self._is_ready, READY_SECONDS)
        self.client = httpx.Client(
            base_url=self.url, headers={"Authorization": f"Bearer {self.token()}"}, trust_env=False
        )

    def _is_ready(self) -> bool:
        assert self.process.poll() is None, (self.data_directory.parent / "up.log").read_text()[-3000:]
        with suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/health/db", trust_env=False).is_success
        return False

    def token(self, *options: str) -> str:
        environment = os.environ | {"DATA_DIRECTORY": str(self.data_directory), "API_PORT": str(self._port)}
        command = [sys.executable, "-m", "entrypoints.cli", "token", *options]
        return subprocess.run(
            command, env=environment, check=True, capture_output=True, text=True
        ).stdout.strip()

    def submit(self, **parameters: Any) -> str:
        return self.submit_as("sample_task", job_parameters=parameters)

    def submit_as(self, job_type: str, **asked: Any) -> str:
        answer = self.client.post("/jobs", json={"job_type": job_type, **asked})
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def job(self, job_id: str) -> dict[str, Any]:
        job: dict[str, Any] = self.client.get(f"/jobs/{job_id}").raise_for_status().json()
        return job

    def history(self, job_id: str) -> list[str]:
        return [event["type"] for event in self.events(job_id)]

    def events(self, job_id: str) -> list[dict[str, Any]]:
        page = self.client.get(f"/jobs/{job_id}/events").raise_for_status().json()
        events: list[dict[str, Any]] = page["events"]
        return events

    def statuses(self) -> dict[str, str]:
        jobs = self.client.get("/jobs?limit=100").raise_for_status().json()["jobs"]
        return {job["id"]: job["status"] for job in jobs}

    def wait_for_all(self, job_ids: list[str]) -> None:
        until(lambda: {self.statuses()[job_id] for job_id in job_ids} <= set(ENDED), END_SECONDS)

    def children(self) -> dict[str, int]:
        """The pids of the parts, by their names."""
        found = {}
        for pid in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split():
            found[Path(f"/proc/{pid}/cmdline").read_text().split("\0")[3]] = int(pid)
        return found

    def kill_everything(self) -> None:
        """Everything at once, PostgreSQL too, without a word."""
        self.client.close()
        postmaster = int((self.data_directory / "postgres" / "postmaster.pid").read_text().split()[0])
        for pid in (self.process.pid, *self.children().values(), postmaster):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self._log.close()

    def stop(self) -> int:
        self.client.close()
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(timeout=30)
        self._log.close()
        return code


def until(
    holds: Callable[[], bool], seconds: float, *, told: Callable[[], str] = lambda: "it took too long"
) -> None:
    """Return as soon as it holds; fails after `seconds` with what `told` says."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, told()
        # What is waited for is another process's doing, and needs the processor too.
        time.sleep(LOOK_AGAIN_SECONDS)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def started(data_directory: Path, port: int | None = None, **settings: str) -> Iterator[Up]:
    running = Up(data_directory, port or free_port(), **settings)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.stop()
