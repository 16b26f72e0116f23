"""A base backup of the whole server, put back after more was accepted and signed than it holds."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from adapters.embedded_postgres import EmbeddedPostgres, bundled_binaries
from tests.end_to_end.up import END_SECONDS, Up, started, until


def back_up(data: Path, backup: Path) -> None:
    """As docs/backup.md does it, while the service runs."""
    program = bundled_binaries() / "pg_basebackup"
    url = EmbeddedPostgres(data / "postgres").url
    subprocess.run([program, "--dbname", url, "--pgdata", backup, "--checkpoint=fast"], check=True)


def put_back(data: Path, backup: Path) -> None:
    shutil.rmtree(data / "postgres")
    backup.rename(data / "postgres")


class Auditor:
    """The command line with an auditor's token."""

    def __init__(self, up: Up, folder: Path) -> None:
        token = up.token("--role", "auditor")
        self._environment = os.environ | {"JOBLEDGER_URL": up.url, "JOBLEDGER_TOKEN": token}
        self._folder = folder

    def run(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "entrypoints.cli", "audit", *arguments]
        done = subprocess.run(command, env=self._environment, check=False, capture_output=True, text=True)
        return done.stdout

    def checkpoint(self) -> tuple[str, int]:
        """Origin and size of the newest signed tree; nothing and 0 before there is one."""
        origin, size, *_ = [*self.run("checkpoint").splitlines(), "", "0"]
        return origin, int(size)

    def verdict(self, *arguments: str) -> dict[str, Any]:
        """What the offline check says of a fresh export."""
        key, export = self._folder / "key", self._folder / "export"
        key.write_text(self.run("key"))
        self.run("export", "--output", str(export), *arguments)
        verdict: dict[str, Any] = json.loads(self.run("verify", str(export), "--key", str(key)))
        return verdict


def test_what_a_base_backup_holds_goes_on_and_the_ledger_tells_of_the_cut(tmp_path: Path) -> None:
    data, backup = tmp_path / "data", tmp_path / "backup"
    asked = {"job_type": "sample_task", "job_parameters": {}}
    key = {"Idempotency-Key": "after the backup"}
    with started(data) as up:
        auditor = Auditor(up, tmp_path)
        ended = up.submit()
        up.wait_for_all([ended])
        unfinished = [up.submit(duration_seconds=3) for _ in range(3)]
        until(lambda: "processing" in up.statuses().values(), END_SECONDS)
        until(lambda: auditor.checkpoint()[1] > 0, END_SECONDS)
        back_up(data, backup)
        origin, size = auditor.checkpoint()
        forgotten = up.client.post("/jobs", json=asked, headers=key).json()["id"]
        up.wait_for_all([*unfinished, forgotten])
        until(lambda: auditor.checkpoint()[1] > size, END_SECONDS)
        up.kill_everything()
        put_back(data, backup)

        up.start()
        auditor = Auditor(up, tmp_path)
        again = up.client.post("/jobs", json=asked, headers=key)
        up.wait_for_all([ended, *unfinished, again.json()["id"]])
        until(lambda: auditor.checkpoint()[0] not in (origin, ""), END_SECONDS)
        before, after = auditor.verdict("--tree", "1"), auditor.verdict()
        one_job = auditor.verdict("--job", unfinished[0])
        statuses = up.statuses()

    assert statuses == dict.fromkeys([ended, *unfinished, again.json()["id"]], "completed")
    assert (before["origin"], before["first"], before["findings"]) == (origin, 1, [])
    assert (after["origin"], after["findings"]) == (f"{origin}/tree-2", [])
    assert after["first"] > before["size"]
    assert (one_job["holds"], one_job["first"]) == (True, after["first"])
