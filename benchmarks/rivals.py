"""The peers on our server, in turns with us: their own code in an environment of their own."""

import hashlib
import json
import os
import statistics
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from psycopg.conninfo import conninfo_to_dict

from benchmarks.server import Bench

ROOT = Path(__file__).parent.parent
REQUIREMENTS = ROOT / "benchmarks" / "peers" / "requirements.txt"
PENDING = {
    "pgqueuer": "SELECT count(*) FROM pgqueuer",
    "procrastinate": "SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing')",
    "dbos": "SELECT count(*) FROM dbos.workflow_status WHERE status IN ('ENQUEUED', 'PENDING')",
    "pgmq": "SELECT count(*) FROM pgmq.q_bench",
}
WARM_UP = 20
BULK_PEER = "pgqueuer"
SUBMIT_PEERS = ("pgqueuer", "pgmq", "absurd")


def environment(directory: Path) -> Path:
    """The Python of the peers' environment, made on first use and whenever their versions change."""
    version = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]
    place = directory / f"peers-{version}"
    python = place / "bin" / "python"
    if not (place / "complete").exists():
        venv.create(place, clear=True, with_pip=True)
        install = ["-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(REQUIREMENTS)]
        subprocess.run([str(python), *install], check=True)  # noqa: S603 - our own command
        (place / "complete").touch()
    return python


class Rival:
    """One peer over a database of its own, begun anew for each measure."""

    def __init__(self, bench: Bench, name: str, python: Path) -> None:
        self._bench = bench
        self._name = name
        self._python = python
        self._database = f"peer_{name}"

    def submit(self, *, submitters: int, seconds: float) -> float:
        self._fresh()
        return float(self._told("submit", submitters, seconds))

    def latency(self, *, jobs: int) -> dict[str, float]:
        self._fresh()
        found: list[float] = self._told("latency", jobs + WARM_UP)[WARM_UP:]
        return {"median": statistics.median(found), "p99": statistics.quantiles(found, n=100)[98]}

    def drain(self, *, jobs: int) -> dict[str, float]:
        """As `measures.drain`: from the first handler's start until no job is unfinished in the database."""
        self._fresh()
        self._bench.run("CHECKPOINT")
        before = self._bench.wal_bytes()
        bulk = float(self._told("preload", jobs))
        preloaded = self._bench.wal_bytes()
        self._bench.run("VACUUM ANALYZE", "CHECKPOINT", database=self._database)
        begun = self._bench.wal_bytes()
        with self._process("work", jobs) as worker:
            assert worker.stdout
            first = float(json.loads(_line(worker, "first"))["first"])
            _line(worker, "last")
            while self._left():
                time.sleep(0.02)
            rate = jobs / (time.monotonic() - first)
            worker.terminate()
        ended = self._bench.wal_bytes()
        return {"bulk": bulk, "drain": rate, "wal": (preloaded - before + ended - begun) / jobs}

    def _left(self) -> int:
        return int(self._bench.rows(PENDING[self._name], database=self._database)[0][0])

    def _fresh(self) -> None:
        self._bench.drop(self._database)
        self._bench.server.database(self._database)
        self._told("install", parse=lambda _: None)

    def _told(self, *command: object, parse: Callable[[str], Any] = json.loads) -> Any:
        with self._process(*command) as process:
            output, _ = process.communicate(timeout=600)
        assert process.returncode == 0, f"{self._name} {command}: {output}"
        lines = output.strip().splitlines()
        return parse(lines[-1] if lines else "")

    def _process(self, *command: object) -> "subprocess.Popen[str]":
        words = ["-m", "benchmarks.peers", self._name, *map(str, command)]
        settings = os.environ | {
            "PEER_DSN": _uri(self._bench.server.database(self._database)),
            "PYTHONPATH": str(ROOT),
        }
        with (self._bench.directory / f"{self._name}.log").open("a") as log:
            return subprocess.Popen(  # noqa: S603 - our own command
                [str(self._python), *words], env=settings, stdout=subprocess.PIPE, stderr=log, text=True
            )


def _uri(conninfo: str) -> str:
    """The same address as a URI, which is all that some drivers read."""
    parts = conninfo_to_dict(conninfo)
    query = urlencode({"host": parts["host"]})
    return f"postgresql://{parts['user']}:@/{parts['dbname']}?{query}"


def _line(process: "subprocess.Popen[str]", word: str) -> str:
    assert process.stdout
    for line in process.stdout:
        if line.startswith(f'{{"{word}"'):
            return line
    sys.exit(f"the peer's worker left before it said {word!r}")
