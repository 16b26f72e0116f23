"""The commands that run a part, started wrongly."""

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest


def run(folder: Path, *arguments: str, **settings: str) -> tuple[int, str, str]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path.cwd())} | settings
    done = subprocess.run(
        [sys.executable, "-m", "entrypoints.cli", *arguments],
        cwd=folder, env=environment, check=False, capture_output=True, text=True,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("part", ["api", "relay", "worker", "seal"])
def test_a_part_without_a_database_says_so_in_one_line(tmp_path: Path, part: str) -> None:
    code, output, errors = run(tmp_path, part, API_PORT="0")

    told = "TRANSACTION_POOLER_URL is not set; `jobledger up` brings its own PostgreSQL."
    assert (code, output, errors) == (2, "", f"jobledger: {told}\n")


def test_the_version_is_told(tmp_path: Path) -> None:
    assert run(tmp_path, "--version") == (0, f"jobledger {version('jobledger')}\n", "")
