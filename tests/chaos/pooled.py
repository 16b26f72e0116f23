"""A second worker, which reaches the database through PgBouncer, beside those of `jobledger up`."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from adapters.embedded_postgres import EmbeddedPostgres
from tests.pgbouncer import PgBouncer, pgbouncer

LOOK_AGAIN_SECONDS = 0.2


class PooledWorker:
    """Started again whenever it died, as an orchestrator does it: nobody tells it of its predecessor."""

    def __init__(self, pooler: PgBouncer, url: str, log: Path) -> None:
        self.pooler = pooler
        self._environment = os.environ | {
            "TRANSACTION_POOLER_URL": pooler.url(url),
            "DATABASE_IS_POOLED": "true",
            "LISTEN_URL": url,
            "JOB_MODULES": "tests.chaos.effects",
            "LOG_LEVEL": "WARNING",
            "LEASE_SECONDS": "2",
            "DRAIN_SECONDS": "1",
            "CANCEL_GRACE_SECONDS": "1",
        }
        self._log = log
        self._leaving = threading.Event()
        self._process = self._start()
        self._keeper = threading.Thread(target=self._keep)
        self._keeper.start()

    def _start(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "entrypoints.parts", "worker"],
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _keep(self) -> None:
        while not self._leaving.wait(LOOK_AGAIN_SECONDS):
            if self._process.poll() is not None:
                self._process = self._start()

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)

    def leave(self) -> None:
        self._leaving.set()
        self._keeper.join()
        with suppress(ProcessLookupError):
            self._process.terminate()
        self._process.wait(timeout=30)


@contextmanager
def pooled_worker(directory: Path, server: EmbeddedPostgres) -> Iterator[PooledWorker]:
    """Through a PgBouncer of its own, in front of the server's database of the service."""
    url = server.let_in("jobledger_service", database="jobledger")
    # Not in the directory, which the user that PgBouncer runs as could not enter.
    with (
        TemporaryDirectory(prefix="jobledger-pooler-") as place,
        pgbouncer(Path(place), server.url) as pooler,
    ):
        worker = PooledWorker(pooler, url, directory / "pooled.log")
        try:
            yield worker
        finally:
            worker.leave()
