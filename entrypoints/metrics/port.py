"""A process's metrics on a port of their own, beside whatever the process does."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import structlog

from entrypoints.listening import listen_on
from entrypoints.services import Services
from entrypoints.settings import Settings

log = structlog.get_logger()


@asynccontextmanager
async def metrics_port(services: Services, settings: Settings, *, reads_service: bool) -> AsyncIterator[None]:
    """Serve METRICS_PORT inside the block; nothing is imported or opened where it is not set."""
    if not settings.metrics_port:
        yield
        return
    import uvicorn  # noqa: PLC0415 - see above

    from entrypoints.metrics.app import MetricsApp  # noqa: PLC0415 - see above

    listening = listen_on(settings.metrics_host, settings.metrics_port, setting="METRICS_PORT")

    class Server(uvicorn.Server):
        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            """The process's own; uvicorn would take them away."""
            yield

    app = MetricsApp(services, settings, reads_service=reads_service)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    server = Server(config)
    serving = asyncio.create_task(server.serve([listening]))
    log.info("metrics.started", address=listening.getsockname()[:2])
    try:
        yield
    finally:
        server.should_exit = True
        await serving
