"""Every operation under every check that schemathesis has, over a real server."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import httpx

from adapters.local_issuer import LocalIssuer
from adapters.system import SystemClock
from domain.identifiers import UserId
from entrypoints.settings import Settings
from tests.conftest import TestDatabase
from tests.end_to_end.up import free_port, until

ROOT = Path(__file__).parents[3]
READY_SECONDS = 60.0
ST = Path(sys.executable).parent / "st"


def until_ready(url: str, server: "subprocess.Popen[bytes]") -> None:
    def is_ready() -> bool:
        assert server.poll() is None
        with suppress(httpx.HTTPError):
            return httpx.get(f"{url}/health/db", trust_env=False).is_success
        return False

    until(is_ready, READY_SECONDS, told=lambda: "the API did not come up")


def test_schemathesis_finds_nothing(database: TestDatabase, tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = os.environ | {
        "TRANSACTION_POOLER_URL": database.url,
        "DATABASE_IS_POOLED": str(database.is_pooled).lower(),
        "DATA_DIRECTORY": str(tmp_path),
        "API_PORT": str(port),
        "LOG_LEVEL": "ERROR",
        "no_proxy": "*",
    }
    issuer = LocalIssuer(
        tmp_path / "keys", issuer=Settings(api_port=port, supabase_url=None).issuer, clock=SystemClock()
    )
    token = issuer.issue(user_id=UserId("schemathesis"), roles=("operator", "auditor"))
    server = subprocess.Popen([sys.executable, "-m", "entrypoints.parts", "api"], cwd=ROOT, env=environment)
    try:
        until_ready(url, server)
        # Streams stay out: what does not end cannot be judged; test_job_stream.py does that.
        found = subprocess.run(
            [
                ST, "--config-file", ROOT / ".ci" / "schemathesis.toml", "run", f"{url}/openapi.json",
                "--checks", "all", "--header", f"Authorization: Bearer {token}",
                "--phases", "examples,coverage,fuzzing,stateful",
                "--generation-deterministic",
                "--exclude-operation-id-regex", "stream", "--request-timeout", "30",
                "--continue-on-failure", "--suppress-health-check", "all", "--warnings", "off", "--no-color",
            ],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=480,
            check=False,
        )  # fmt: skip
    finally:
        server.terminate()
        server.wait(timeout=30)

    assert found.returncode == 0, found.stdout + found.stderr
    assert "Tested: " in found.stdout
    assert "\N{WHITE HEAVY CHECK MARK} Stateful" in found.stdout
