"""The quickstart's commands, run as they stand, against a database of the test's."""

import os
import re
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from tests.conftest import TestServer

ROOT = Path(__file__).parents[2]


def commands() -> list[str]:
    text = (ROOT / "docs" / "quickstart.md").read_text()
    # A clone of a clone would test the last commit, not what is here.
    return [block for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) if "git clone" not in block]


def test_the_quickstart_works_as_it_stands(postgres_server: TestServer, tmp_path: Path) -> None:
    if shutil.which("uv") is None:
        pytest.skip("uv is not on the path")
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", 8000)) == 0:
            pytest.skip("something else listens on port 8000, which the quickstart uses")
    postgres_server.run("CREATE DATABASE {}", "quickstart")
    script = tmp_path / "quickstart.sh"
    script.write_text("set -e\n" + "\n".join(commands()))
    environment = os.environ | {
        "MIGRATION_URL": postgres_server.url("quickstart", user="postgres"),
        "TRANSACTION_POOLER_URL": postgres_server.url("quickstart"),
        "DATA_DIRECTORY": str(tmp_path / "data"),
    }
    with (tmp_path / "output").open("w+") as output:
        process = subprocess.Popen(
            ["bash", str(script)],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = process.wait(timeout=120)
        finally:
            # The service that the quickstart left running in the background.
            os.killpg(process.pid, signal.SIGTERM)
        output.seek(0)
        said = output.read()

    assert code == 0, said
    assert said.count('{"status":"ok"}') == 2
