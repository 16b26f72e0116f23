"""The whole service on this machine, over a PostgreSQL of its own: what `up` and `demo` run."""

import asyncio
import fcntl
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import httpx
import structlog

from domain.errors import InvalidSettings, JobledgerError, StorageUnavailable
from domain.identifiers import UserId
from entrypoints import bootstrap
from entrypoints.listening import listen_on
from entrypoints.loops import wait_for
from entrypoints.settings import Settings
from entrypoints.supervisor import Part, Supervisor

log = structlog.get_logger()

PARTS = ("api", "relay", "worker", "sealer")
LOCAL_USER = UserId("local-user")
READY_SECONDS = 60.0
LOOK_AGAIN_SECONDS = 0.05
LOOK_AFTER_POSTGRES_SECONDS = 1.0
# A predecessor that was killed leaves its children behind for a moment, and they hold the port.
PORT_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class LocalService:
    """A service that runs: where it is, and settings with which to join it.

    `token` is a local user's; `dashboard_link` signs that user in as an operator. `pids` are those of the
    parts as they are now.
    """

    url: str
    token: str
    dashboard_link: str
    settings: Settings
    pids: Mapping[str, int]


@asynccontextmanager
async def local_service(
    settings: Settings, *, leaving: asyncio.Event, output: IO[str]
) -> AsyncIterator[LocalService]:
    """Start everything, yield once it answers, and stop everything at the end, PostgreSQL last.

    Sets `leaving` when the service cannot go on; when it was set already, what is yielded is on its way down.
    Raises InvalidSettings or StorageUnavailable when it does not start.
    """
    with (
        _only_one(settings.data_directory),
        await _listen(settings.api_host, settings.api_port, leaving) as listening,
    ):
        port: int = listening.getsockname()[1]
        server = bootstrap.embedded_postgres(settings)
        await asyncio.to_thread(server.start)
        try:
            owner_url, service_url = await asyncio.to_thread(bootstrap.prepare_embedded, server)
            joined = _over(settings, port=port, owner_url=owner_url, service_url=service_url)
            supervisor = Supervisor(
                [_part(name, listening, settings) for name in PARTS],
                environment=os.environ | _environment(joined),
                output=output,
                drain_seconds=settings.drain_seconds + 2 * settings.cancel_grace_seconds + 5,
            )
            running = asyncio.create_task(supervisor.run(leaving))
            watching = asyncio.create_task(_keep_running(server.start, leaving))
            try:
                service = LocalService(
                    joined.local_url, _token(joined), dashboard_link(joined), joined, supervisor.pids
                )
                await _until_ready(service, leaving)
                yield service
            finally:
                leaving.set()
                await watching
                await running
        finally:
            await asyncio.to_thread(server.stop)


def _over(settings: Settings, *, port: int, owner_url: str, service_url: str) -> Settings:
    """These settings, over the embedded PostgreSQL, and at the port that is listened on."""
    here = {"api_port": port, "data_directory": settings.data_directory.absolute()}
    return settings.over(owner_url=owner_url, service_url=service_url).model_copy(update=here)


def _part(name: str, listening: socket.socket, settings: Settings) -> Part:
    """A part; METRICS_PORT is the first one's, and those after it are the others'."""
    command = (sys.executable, "-m", "entrypoints.parts", name)
    first = settings.metrics_port
    environment = {"METRICS_PORT": str(first + PARTS.index(name))} if first else {}
    if name != "api":
        return Part(name, command, environment=environment)
    passed = listening.fileno()
    return Part(name, (*command, str(passed)), passes=(passed,), environment=environment)


def _environment(settings: Settings) -> dict[str, str]:
    """What the children must not read for themselves."""
    return {
        "API_HOST": settings.api_host,
        "API_PORT": str(settings.api_port),
        "DATA_DIRECTORY": str(settings.data_directory),
        "MIGRATION_URL": settings.owner_url,
        "TRANSACTION_POOLER_URL": settings.database_url,
        "LISTEN_URL": settings.database_url,
        "DATABASE_IS_POOLED": "false",
    }


def _token(settings: Settings) -> str:
    issuer = bootstrap.local_issuer(settings)
    return issuer.issue(user_id=LOCAL_USER) if issuer else ""


def dashboard_link(settings: Settings, *, roles: tuple[str, ...] = ("operator",)) -> str:
    """Where the dashboard is, with a token behind the # that signs the local user in."""
    issuer = bootstrap.local_issuer(settings)
    if issuer is None:
        return f"{settings.local_url}/dashboard"
    token = issuer.issue(user_id=LOCAL_USER, roles=roles)
    return f"{settings.local_url}/dashboard/sign-in#token={token}"


@contextmanager
def _only_one(directory: Path) -> Iterator[None]:
    """Hold the directory; the lock goes with the process, however it ends."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = (directory / "service.lock").open("a")
    except OSError as error:
        raise InvalidSettings(f"DATA_DIRECTORY: {directory} cannot be used: {error.strerror}.") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InvalidSettings(f"DATA_DIRECTORY: a service runs in {directory} already.") from error
        yield


async def _keep_running(start: Callable[[], str], leaving: asyncio.Event) -> None:
    """Start PostgreSQL again when it died: it is no child of ours, so nobody else would notice."""
    while not await wait_for(leaving, at_most=LOOK_AFTER_POSTGRES_SECONDS):
        try:
            await asyncio.to_thread(start)
        except JobledgerError as error:
            log.error("postgres.did_not_start", error=str(error))  # noqa: TRY400 - its text says it all


async def _listen(host: str, port: int, leaving: asyncio.Event) -> socket.socket:
    """A socket of the service's own, on a free port when `port` is 0.

    It is ours and not the API's, so that clients wait while the API is started again, instead of being
    refused, and nobody takes the port meanwhile.
    """
    deadline = time.monotonic() + PORT_SECONDS
    while True:
        try:
            return listen_on(host, port)
        except InvalidSettings:
            if time.monotonic() > deadline or leaving.is_set():
                raise
        await wait_for(leaving, at_most=LOOK_AGAIN_SECONDS)


async def _until_ready(service: LocalService, leaving: asyncio.Event) -> None:
    deadline = time.monotonic() + READY_SECONDS
    async with httpx.AsyncClient(base_url=service.url, timeout=5, trust_env=False) as client:
        while not leaving.is_set():
            try:
                if (await client.get("/health/db")).is_success:
                    return
            except httpx.TransportError:
                pass
            if time.monotonic() > deadline:
                raise StorageUnavailable(f"The API at {service.url} did not become ready; its log says why.")
            await wait_for(leaving, at_most=LOOK_AGAIN_SECONDS)
