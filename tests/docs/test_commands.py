"""What the pages tell a reader to type is typed here: the tutorial from an empty folder, the rest beside it.

The service that the tutorial starts is the one that all other pages speak to.
"""

import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from adapters.embedded_postgres import bundled_binaries
from tests.docs.commands import DOCS, ROOT, blocks_of, script_of
from tests.end_to_end.up import free_port
from tests.fakes.otlp import Collector, collecting

FROM_A_REPOSITORY = "jobledger @ git+https://github.com/your-organisation/jobledger"
# Pages whose commands are run right here, in this order, beside the tutorial.
HERE = (
    "monitoring", "tracing", "doctor", "audit", "audit-reading", "deploy", "backup", "upgrade",
    "schedules", "dashboard", "webhooks", "http-requests", "fair-shares",
)  # fmt: skip
SECONDS = 240


@dataclass(frozen=True)
class Tutorial:
    """The tutorial after its last command: its folder, what it printed, and its service, which still runs."""

    folder: Path
    said: str
    environment: dict[str, str]
    collector: Collector


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("uv") is None:
        pytest.skip("uv is not on the path")
    directory = tmp_path_factory.mktemp("wheel")
    command = ["uv", "build", "--quiet", "--wheel", "--out-dir", str(directory), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    (built,) = directory.glob("*.whl")
    return built


def run(script: str, *, cwd: Path, environment: dict[str, str]) -> tuple[int, str]:
    """The exit code, and everything that was printed; what the script left running goes on."""
    output = cwd / f"output-{abs(hash(script))}.txt"
    with output.open("w") as file:
        process = subprocess.Popen(
            ["bash", "-c", script],
            cwd=cwd,
            env=environment,
            stdout=file,
            stderr=file,
            stdin=subprocess.DEVNULL,
        )
        code = process.wait(timeout=SECONDS)
    return code, output.read_text()


@pytest.fixture(scope="module")
def tutorial(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tutorial]:
    """The tutorial's commands as they stand, but for where the package comes from and the port."""
    empty = tmp_path_factory.mktemp("tutorial")
    port = free_port()
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("VIRTUAL_ENV", "OTEL_"))
    }
    with collecting() as collector:
        environment = inherited | {
            "API_PORT": str(port),
            "UV_CONSTRAINT": str(ROOT / "requirements.txt"),
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_BSP_SCHEDULE_DELAY": "200",
        }
        script = script_of(DOCS / "tutorial.md").replace(
            FROM_A_REPOSITORY, f"jobledger[otel] @ file://{wheel}"
        )
        assert str(wheel) in script
        code, said = run(
            script.replace("localhost:8000", f"localhost:{port}"), cwd=empty, environment=environment
        )
        folder = empty / "my-jobs"
        try:
            assert code == 0, said + (folder / "up.log").read_text()[-2000:]
            yield Tutorial(folder, said, environment, collector)
        finally:
            stop_service_in(folder)


def stop_service_in(folder: Path) -> None:
    """Stop the `up` that runs in the folder: the process that holds its lock, by its own id."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (process / "cmdline").read_text().split("\0")
            if (process / "cwd").resolve() == folder.resolve() and "up" in command:
                os.kill(int(process.name), signal.SIGINT)
                while process.exists() and (process / "stat").read_text().split()[2] != "Z":
                    os.sched_yield()


def test_the_tutorial_works_from_an_empty_folder_as_it_stands(tutorial: Tutorial) -> None:
    said = tutorial.said

    assert '"be": 2' in said
    assert "refused with exit code 4" in said
    assert "/job_parameters/text" in said
    assert said.count("AttemptStarted") >= 3
    assert "AttemptFailed" in said
    assert "{'from': 2, 'python': 2}" in said
    assert "migrations" in said


def test_a_tutorials_job_is_one_trace_across_the_processes_of_the_service(tutorial: Tutorial) -> None:
    spans = tutorial.collector.spans
    by_trace: dict[str, set[str]] = {}
    for span in spans:
        by_trace.setdefault(span.trace_id, set()).add(f"{span.service}: {span.name}")

    assert {
        "jobledger-api: POST /jobs",
        "jobledger-relay: relay",
        "jobledger-worker: attempt count_words",
    } in by_trace.values()


@pytest.fixture(scope="module")
def beside(tutorial: Tutorial) -> dict[str, str]:
    """The environment of somebody who works beside the tutorial's service, with its database at hand."""
    done = subprocess.run(
        ["uv", "run", "jobledger", "env"],
        cwd=tutorial.folder,
        env=tutorial.environment,
        check=True,
        capture_output=True,
        text=True,
    )
    exported = (shlex.split(line)[1].partition("=") for line in done.stdout.splitlines())
    environment = tutorial.environment | {name: value for name, _, value in exported}
    told = subprocess.run(
        ["uv", "run", "jobledger", "token"],
        cwd=tutorial.folder, env=environment, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return environment | {
        "TOKEN": told.stdout.strip(),
        # Opens nothing, and says that it did.
        "BROWSER": "true",
        # The checkout's own environment, which is there already and must not be made anew for its links.
        "UV_NO_SYNC": "1",
        "PATH": f"{Path(sys.executable).parent}:{bundled_binaries()}:{os.environ['PATH']}",
        "RESTORE_URL": make_conninfo(environment["MIGRATION_URL"], dbname="restored"),
    }


@pytest.mark.parametrize("name", HERE)
def test_the_commands_of_a_page_work_as_they_stand(beside: dict[str, str], tmp_path: Path, name: str) -> None:
    if name == "backup":
        with psycopg.connect(beside["MIGRATION_URL"], autocommit=True) as owner:
            owner.execute("CREATE DATABASE restored")
    script = script_of(DOCS / f"{name}.md").replace("localhost:8000", f"localhost:{beside['API_PORT']}")
    # A name that leads nowhere: a test sends nothing to other people's servers.
    script = script.replace("example.org", "example.invalid").replace(
        "curl -s ", "curl -sS --fail-with-body "
    )
    code, said = run(script, cwd=checkout_in(tmp_path), environment=beside)

    assert code == 0, said


def test_the_readmes_requests_work_as_they_stand(beside: dict[str, str], tmp_path: Path) -> None:
    checkout = checkout_in(tmp_path)
    submitting, asking = (
        block.text.replace("localhost:8000", f"localhost:{beside['API_PORT']}")
        for block in blocks_of(ROOT / "README.md")
        if "curl" in block.text
    )
    code, submitted = run(f"set -eo pipefail\n{submitting}", cwd=checkout, environment=beside)
    assert code == 0, submitted
    job_id = submitted.split('"id":"')[1].split('"')[0]
    code, told = run(
        f"set -eo pipefail\n{asking}".replace("JOB_ID", job_id), cwd=checkout, environment=beside
    )

    assert code == 0, told
    assert told.count("JobSubmitted") == 2


def checkout_in(directory: Path) -> Path:
    """This checkout by links, so that files that commands leave behind do not lie in it."""
    for path in ROOT.iterdir():
        if path.name not in {".git", ".env"}:
            (directory / path.name).symlink_to(path)
    return directory


def test_every_command_of_the_documentation_is_run_or_says_why_not() -> None:
    tests = [path.read_text() for path in (ROOT / "tests").rglob("*.py")]
    silent = [
        page.name
        for page in sorted(DOCS.glob("*.md"))
        if page.stem not in HERE
        # Other tests run a page of their own, and name it.
        and not any(page.name in text for text in tests)
        and any(block.reason is None for block in blocks_of(page))
    ]

    assert silent == []


def test_the_map_leads_to_every_page() -> None:
    told = (DOCS / "README.md").read_text()

    assert [
        page.name for page in DOCS.glob("*.md") if page.name != "README.md" and f"({page.name})" not in told
    ] == []
