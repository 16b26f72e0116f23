"""A PgBouncer in transaction mode in front of a test server; needs Debian's package, which CI installs."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
READY_SECONDS = 10.0
PORT = 6432

CONFIGURATION = """
[databases]
* = host={host} port={port}
[pgbouncer]
listen_addr =
listen_port = {own_port}
unix_socket_dir = {directory}
auth_type = trust
auth_file = {directory}/users.txt
pool_mode = transaction
default_pool_size = 20
max_client_conn = 500
logfile = {directory}/pgbouncer.log
pidfile = {directory}/pgbouncer.pid
server_login_retry = 0.2
"""


def skip_without_pgbouncer() -> None:
    if PROGRAM is None:
        pytest.skip("PgBouncer is not installed (Debian: apt-get install pgbouncer)")


class PgBouncer:
    """Listens on a socket in `directory`, and passes everything on to the server of `server_url`."""

    def __init__(self, directory: Path, server_url: str) -> None:
        self._directory = directory
        self._server_url = server_url
        # It refuses to run as root; whoever owns the server's data may run it then.
        server = conninfo_to_dict(server_url)
        self._account = Path(str(server["host"])).stat() if os.geteuid() == 0 else None
        configuration = CONFIGURATION.format(
            host=server["host"], port=server.get("port", 5432), own_port=PORT, directory=directory
        )
        (directory / "pgbouncer.ini").write_text(configuration)
        (directory / "users.txt").write_text('"postgres" ""\n"jobledger_service" ""\n')
        if self._account:
            os.chown(directory, self._account.st_uid, self._account.st_gid)

    def url(self, server_url: str) -> str:
        """The way through the pooler to the database of `server_url`."""
        return make_conninfo(server_url, host=str(self._directory), port=PORT)

    def start(self) -> None:
        self._start()
        deadline = time.monotonic() + READY_SECONDS
        while not is_reachable(self.url(self._server_url)):
            assert self._process.poll() is None, (self._directory / "pgbouncer.log").read_text()
            assert time.monotonic() < deadline, "PgBouncer did not start"
            time.sleep(0.01)

    def _start(self) -> None:
        assert PROGRAM is not None
        self._process = subprocess.Popen(
            [PROGRAM, "--quiet", str(self._directory / "pgbouncer.ini")],
            user=self._account.st_uid if self._account else None,
            group=self._account.st_gid if self._account else None,
            extra_groups=[] if self._account else None,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """SIGTERM drops every connection at once, as SIGKILL does, but removes socket and pid file."""
        self._process.send_signal(number)
        self._process.wait()
        for left in (f".s.PGSQL.{PORT}", "pgbouncer.pid"):
            (self._directory / left).unlink(missing_ok=True)

    def restart(self) -> None:
        """Killed and started again, whether or not there is a server behind it."""
        self.stop(signal.SIGKILL)
        self._start()


@contextmanager
def pgbouncer(directory: Path, server_url: str) -> Iterator[PgBouncer]:
    running = PgBouncer(directory, server_url)
    running.start()
    try:
        yield running
    finally:
        running.stop()


def is_reachable(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=2) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False
