"""The whole service as its users start it, killed in the middle."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from entrypoints.cli import app
from tests.end_to_end.up import END_SECONDS, Up, started, until


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    with started(tmp_path / "data") as running:
        yield running


def test_a_job_finishes_soon_although_its_worker_was_killed(up: Up) -> None:
    quick = [up.submit(steps=2) for _ in range(10)]
    slow = up.submit(duration_seconds=3)
    until(lambda: up.job(slow)["status"] == "processing", END_SECONDS)
    os.kill(up.children()["worker"], signal.SIGKILL)
    later = up.submit()
    up.wait_for_all([*quick, slow, later])

    assert up.history(slow) == [
        "JobSubmitted", "AttemptStarted", "AttemptLost", "AttemptStarted", "JobCompleted",
    ]  # fmt: skip
    assert set(up.statuses().values()) == {"completed"}


def test_a_request_made_while_the_api_is_down_waits_for_its_successor(up: Up) -> None:
    # A port that nobody holds could be anybody's when the API comes back, and clients would be refused.
    for _ in range(3):
        killed = up.children()["api"]
        os.kill(killed, signal.SIGKILL)
        until(lambda killed=killed: not Path(f"/proc/{killed}/fd/0").exists(), END_SECONDS)  # type: ignore[misc]  # bound now
        with httpx.Client(base_url=up.url, trust_env=False, timeout=END_SECONDS) as client:
            assert client.get("/health").status_code == 200


def test_a_killed_workers_jobs_do_not_wait_for_their_leases_when_its_supervisor_saw_it_die(
    tmp_path: Path,
) -> None:
    with started(tmp_path / "data", LEASE_SECONDS="600") as up:
        slow = up.submit(duration_seconds=1)
        until(lambda: up.job(slow)["status"] == "processing", END_SECONDS)
        os.kill(up.children()["worker"], signal.SIGKILL)
        up.wait_for_all([slow])
        (lost,) = [event for event in up.events(slow) if event["type"] == "AttemptLost"]

    assert lost["data"]["cause"] == "crashed"


def test_the_demo_kills_its_worker_on_request_and_loses_nothing(tmp_path: Path) -> None:
    command = [
        sys.executable, "-m", "entrypoints.cli", "demo", "--kill-worker", "--jobs", "30",
        "--port", "0", "--data-directory", str(tmp_path / "data"),
    ]  # fmt: skip
    done = subprocess.run(command, check=False, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "kill -9 of the worker" in done.stdout
    assert "cause=crashed" in done.stdout
    assert "30 accepted, 30 ended, 0 lost; read model equals its events (30 of 30)" in done.stdout


def test_a_job_that_kills_its_process_each_time_ends_and_nothing_behind_it_waits(tmp_path: Path) -> None:
    with started(tmp_path / "data", LEASE_SECONDS="600", JOB_MODULES="tests.end_to_end.poison") as up:
        poison = up.submit_as("kills_its_process", priority=9)
        behind = [up.submit() for _ in range(20)]
        up.wait_for_all([poison, *behind])
        ended = up.job(poison)
        statuses = up.statuses()

    assert [statuses[job_id] for job_id in behind] == ["completed"] * 20
    assert (ended["status"], ended["attempt"]) == ("failed", 2)
    assert ended["error_info"]["cause"] == "crashed"


def test_a_job_that_kills_its_process_each_time_costs_its_neighbours_nothing_but_a_second_try(
    tmp_path: Path,
) -> None:
    """Each may be lost once, and once they are, by the culprit's first death."""
    running = tmp_path / "running"
    running.mkdir()
    parameters = {"directory": str(running), "beside": 6}
    with started(tmp_path / "data", LEASE_SECONDS="600", JOB_MODULES="tests.end_to_end.poison") as up:
        innocent = [up.submit_as("is_killed_once", job_parameters=parameters) for _ in range(6)]
        culprit = up.submit_as("kills_once_all_run", job_parameters=parameters)
        up.wait_for_all([culprit, *innocent])
        ended = up.job(culprit)
        statuses = up.statuses()
        computes = [
            event["data"]["compute"] for event in up.events(culprit) if event["type"] == "AttemptStarted"
        ]

    assert (ended["status"], ended["error_info"]["cause"]) == ("failed", "crashed")
    assert [statuses[job_id] for job_id in innocent] == ["completed"] * 6
    assert computes == ["local", "isolated"]


def test_commands_find_the_database_of_a_service_that_runs_here(up: Up) -> None:
    up.wait_for_all([up.submit()])
    environment = {"DATA_DIRECTORY": str(up.data_directory)}

    def said(*command: str) -> dict[str, Any]:
        done = CliRunner().invoke(app, command, env=environment)
        assert done.exit_code == 0, done.stderr
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    assert said("recover", "--dry-run") == {"dry_run": True, "scanned": 1, "acted": [], "skipped": []}
    assert said("archive") == {"archived": [], "kept": []}


def test_a_second_start_after_everything_was_killed_finishes_every_accepted_job(up: Up) -> None:
    accepted = [up.submit(duration_seconds=0.5) for _ in range(60)]
    up.kill_everything()
    up.start()
    up.wait_for_all(accepted)

    assert up.statuses() == dict.fromkeys(accepted, "completed")


def test_ctrl_c_stops_everything_and_nothing_is_left_running(up: Up) -> None:
    waiting = up.submit(duration_seconds=60)
    until(lambda: up.job(waiting)["status"] == "processing", END_SECONDS)
    parts = up.children()
    code = up.stop()

    assert code == 0
    assert [name for name, pid in parts.items() if Path(f"/proc/{pid}").exists()] == []
    assert set(parts) == {"api", "relay", "worker", "sealer"}
