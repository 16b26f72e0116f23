"""The API as a process: uvicorn around the application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI

from entrypoints import bootstrap
from entrypoints.api.app import create_app
from entrypoints.loops import leave_on_signals
from entrypoints.settings import Settings, load_settings

GRACE_SECONDS = 10


def app_for(settings: Settings) -> FastAPI:
    """The application that opens its services when it is started, and closes them at the end."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with bootstrap.open_services(settings) as services:
            app.state.services = services
            yield

    verifier = bootstrap.token_verifier(settings)
    return create_app(verifier, settings, bootstrap.local_issuer(settings), lifespan=lifespan)


def app_from_environment() -> FastAPI:
    """What `jobledger dev` reloads."""
    return app_for(load_settings())


async def run_api(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then let requests under way end."""
    # uvicorn raises the signal again when it is done; this catches it.
    leave_on_signals()
    config = uvicorn.Config(
        app_for(settings),
        host=settings.api_host,
        port=settings.api_port,
        log_config=None,
        access_log=False,
        server_header=False,
        http="httptools",
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    await uvicorn.Server(config).serve()
