"""The whole service on this machine: our own PostgreSQL, and every part in one process tree."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from domain.errors import InvalidSettings, StorageUnavailable
from domain.identifiers import UserId
from entrypoints import bootstrap
from entrypoints.settings import Settings
from entrypoints.supervisor import Supervisor, part

PARTS = ("api", "relay", "worker")
LOCAL_USER = UserId("local-user")
READY_WITHIN_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalService:
    url: str
    token: str
    settings: Settings
    supervisor: Supervisor


@asynccontextmanager
async def local_service(settings: Settings) -> AsyncIterator[LocalService]:
    """Everything up and answering within the block; everything stopped after it, data kept.

    Raises InvalidSettings when the port is taken, StorageUnavailable when something does not come up.
    """
    _check_port(settings)
    server, settings = await asyncio.to_thread(bootstrap.start_embedded_postgres, settings)
    try:
        issuer = bootstrap.local_issuer(settings)
        token = issuer.issue(user_id=LOCAL_USER) if issuer else ""
        kill_after = settings.drain_seconds + settings.cancel_grace_seconds + 10
        commands = {name: part(name) for name in PARTS}
        supervisor = Supervisor(commands, _environment(settings), kill_after=kill_after)
        async with supervisor.running():
            url = f"http://{settings.api_host}:{settings.api_port}"
            await _until_ready(url)
            yield LocalService(url=url, token=token, settings=settings, supervisor=supervisor)
    finally:
        await asyncio.to_thread(server.stop)


def _check_port(settings: Settings) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.api_host, settings.api_port))
        except OSError as error:
            place = f"{settings.api_host}:{settings.api_port}"
            raise InvalidSettings(
                f"{place} cannot be listened on ({error.strerror}); choose another --port."
            ) from None


def _environment(settings: Settings) -> dict[str, str]:
    """What the parts need to know; the rest they read as we did."""
    urls = {
        "TRANSACTION_POOLER_URL": settings.transaction_pooler_url,
        "MIGRATION_URL": settings.migration_url,
        "LISTEN_URL": settings.listen_url,
    }
    root = str(Path(__file__).parent.parent)
    return {
        **os.environ,
        **{name: url.get_secret_value() for name, url in urls.items() if url},
        "DATABASE_IS_POOLED": "false",
        "DATA_DIRECTORY": str(settings.data_directory.absolute()),
        "API_HOST": settings.api_host,
        "API_PORT": str(settings.api_port),
        "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")])),
    }


async def _until_ready(url: str) -> None:
    deadline = asyncio.get_running_loop().time() + READY_WITHIN_SECONDS
    async with httpx.AsyncClient(timeout=2, trust_env=False) as client:
        while asyncio.get_running_loop().time() < deadline:
            try:
                if (await client.get(f"{url}/health/db")).status_code == httpx.codes.OK:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.05)
    raise StorageUnavailable(f"The service did not answer at {url} within {READY_WITHIN_SECONDS:.0f} s.")
