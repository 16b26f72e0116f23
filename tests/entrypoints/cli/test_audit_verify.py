"""`jobledger audit verify` in a process of its own, with no service and no database anywhere."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from domain.ledger.lines import line
from domain.ledger.notes import LogKey
from domain.ports.ledger_reading import EVERYTHING
from domain.use_cases.export import Export, begin, export
from tests.fakes.ledger import HISTORY, ListedLedger, histories

JOBS = 20
SIZE = JOBS * len(HISTORY)


@pytest.fixture
async def lines() -> list[dict[str, Any]]:
    source = ListedLedger(histories(JOBS))
    asked = Export(EVERYTHING)
    tree = await begin(source, asked)
    return [fields async for fields in export(source, tree, asked, about={})]


def run(folder: Path, lines: list[dict[str, Any]], *options: str) -> tuple[int, dict[str, Any], str]:
    file = folder / "export.ndjson"
    file.write_bytes(b"".join(map(line, lines)))
    key = str(ListedLedger([]).key)
    command = [sys.executable, "-m", "entrypoints.cli", "audit", "verify", str(file), "--key", key, *options]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path.cwd())}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    told = json.loads(done.stdout) if done.stdout.startswith("{") else {}
    return done.returncode, told, done.stdout + done.stderr


def test_a_sound_export_holds_and_leaves_its_checkpoint(tmp_path: Path, lines: list[dict[str, Any]]) -> None:
    kept = tmp_path / "last"
    code, told, _ = run(tmp_path, lines, "--keep-checkpoint", str(kept))

    assert (code, told["holds"], told["events"], told["size"]) == (0, True, SIZE, SIZE)
    assert kept.read_text() == lines[0]["checkpoint"]

    code, told, _ = run(tmp_path, lines, "--checkpoint", str(kept))
    assert (code, told["compared_with_size"]) == (0, SIZE)


def test_a_changed_one_exits_with_1_and_says_where(tmp_path: Path, lines: list[dict[str, Any]]) -> None:
    lines[7]["facts"]["priority"] = 9
    code, told, _ = run(tmp_path, lines, "--keep-checkpoint", str(tmp_path / "last"))

    assert (code, told["holds"]) == (1, False)
    assert [(found["line"], found["position"]) for found in told["findings"]] == [(8, 7)]
    assert not (tmp_path / "last").exists()

    code, _, shown = run(tmp_path, lines, "--table")
    assert code == 1
    assert "position 7, line 8: JobSubmitted, version 1 of" in shown
    assert "It does NOT hold: 1 findings." in shown


def test_a_wrong_key_or_checkpoint_is_wrong_usage(tmp_path: Path, lines: list[dict[str, Any]]) -> None:
    (tmp_path / "last").write_text("nothing signed")

    assert run(tmp_path, lines, "--key", "nonsense")[0] == 2
    assert run(tmp_path, lines, "--checkpoint", str(tmp_path / "last"))[0] == 2
    assert run(tmp_path, lines, "--checkpoint", str(tmp_path / "absent"))[0] == 2


def test_a_file_may_hold_two_keys_as_while_one_replaces_another(
    tmp_path: Path, lines: list[dict[str, Any]]
) -> None:
    other = LogKey("jobledger.test/log", bytes(32))
    (tmp_path / "keys").write_text(f"{other}\n{ListedLedger([]).key}\n")

    assert run(tmp_path, lines, "--key", str(tmp_path / "keys"))[0] == 0
