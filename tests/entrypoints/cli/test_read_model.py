"""`jobledger verify` and `jobledger rebuild`, each in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg

from entrypoints.services import Services
from entrypoints.settings import Settings
from tests.builders import submission


def run(settings: Settings, *command: str) -> tuple[int, str]:
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path.cwd()),
        "TRANSACTION_POOLER_URL": settings.database_url,
        "MIGRATION_URL": settings.owner_url,
    }
    done = subprocess.run(
        [sys.executable, "-m", "entrypoints.cli", *command],
        env=environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


async def test_a_difference_is_found_repaired_and_gone(services: Services, settings: Settings) -> None:
    await services.store.append([submission(), submission()])
    with psycopg.connect(settings.owner_url) as owner:
        owner.execute("UPDATE jobledger.jobs SET priority = 9")
    code, shown = run(settings, "verify", "--table")
    lines = shown.splitlines()

    assert code == 1
    assert [line.split(" ", 1)[1] for line in lines[:2]] == ["priority: 9 stored, 0 by its events"] * 2
    assert lines[2] == "2 jobs of 2 events: 2 differences."

    code, shown = run(settings, "rebuild")
    told: dict[str, Any] = json.loads(shown)
    assert (code, told["jobs"], len(told["repaired"])) == (0, 2, 2)

    code, shown = run(settings, "verify")
    assert (code, json.loads(shown)) == (0, {"holds": True, "jobs": 2, "events": 2, "differences": []})
