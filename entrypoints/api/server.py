"""The API as a process: its socket, its server, its leaving."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager

import structlog
import uvicorn
from fastapi import FastAPI

from domain.ports.tracing import Tracing
from entrypoints import bootstrap
from entrypoints.api.app import create_app
from entrypoints.api.one_write import OneWriteProtocol
from entrypoints.api.watching import FeedWatch, JobWatch
from entrypoints.listening import BACKLOG, listen_on
from entrypoints.loops import leave_on_signals
from entrypoints.metrics.port import metrics_port
from entrypoints.services import Services
from entrypoints.settings import Settings, load_settings

OpenServices = Callable[[Settings, Tracing], AbstractAsyncContextManager[Services]]

log = structlog.get_logger()


async def run_api(settings: Settings, *, listening_on: int | None = None) -> None:
    """Serve until SIGTERM or SIGINT, then let the requests under way end.

    `listening_on` is the descriptor of a socket that a supervisor holds for its APIs; else it is one of ours.
    """
    leaving = leave_on_signals()
    if listening_on is None:
        listening = listen_on(settings.api_host, settings.api_port)
    else:
        listening = socket.socket(fileno=listening_on)
    app = app_for(settings)
    server = _Server(
        uvicorn.Config(
            app,
            http=OneWriteProtocol,
            # Ours: structlog's lines, the middleware's access line, our own start and end.
            log_config=None,
            access_log=False,
            server_header=False,
            # Ours too, below: uvicorn would answer a wrong setting with a trace.
            lifespan="off",
            backlog=BACKLOG,
            timeout_graceful_shutdown=max(1, int(settings.drain_seconds)),
        )
    )
    async with app.router.lifespan_context(app):
        watching = asyncio.create_task(_leave(server, leaving, app.state.watch, app.state.feed_watch))
        log.info("api.started", address=listening.getsockname()[:2])
        await server.serve([listening])
        watching.cancel()
    log.info("api.left")


def app_for(settings: Settings, open_services: OpenServices = bootstrap.open_services) -> FastAPI:
    """The application that opens its services when it is started, and closes them at the end."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with (
            open_services(settings, tracing) as services,
            metrics_port(services, settings, reads_service=True),
        ):
            app.state.services = services
            yield

    tracing = bootstrap.tracing("api")
    verifier = bootstrap.token_verifier(settings)
    return create_app(
        verifier, settings, bootstrap.local_issuer(settings), lifespan=lifespan, tracing=tracing
    )


def app_from_environment() -> FastAPI:
    """What `jobledger dev` reloads."""
    return app_for(load_settings())


class _Server(uvicorn.Server):
    """Leaves the signals to us: uvicorn would raise them again, and end the process before we tidied up."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _leave(server: uvicorn.Server, leaving: asyncio.Event, *watches: JobWatch | FeedWatch) -> None:
    await leaving.wait()
    # Requests that only wait for a job would hold the server up until its patience ends.
    for watch in watches:
        watch.close()
    server.should_exit = True
