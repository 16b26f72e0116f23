"""Commands that run the service or a part of it."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from entrypoints import bootstrap
from entrypoints.cli.settings_here import settings_here
from entrypoints.local_service import LocalService, local_service
from entrypoints.log_setup import set_up_logging
from entrypoints.loops import leave_on_signals
from entrypoints.parts import run_async, run_part
from entrypoints.settings import Settings, load_settings

Port = Annotated[int | None, typer.Option(help="The API's port; API_PORT otherwise.")]
DataDirectory = Annotated[Path | None, typer.Option(help="Where the data is kept; DATA_DIRECTORY otherwise.")]


def register(app: typer.Typer) -> None:
    app.command()(up)
    app.command()(api)
    app.command()(relay)
    app.command()(worker)
    app.command()(migrate)
    app.command()(dev)
    app.command()(env)


def chosen_settings(port: int | None, data_directory: Path | None) -> Settings:
    given = {"api_port": port, "data_directory": data_directory}
    return load_settings().model_copy(
        update={name: value for name, value in given.items() if value is not None}
    )


def up(port: Port = None, data_directory: DataDirectory = None) -> None:
    """Run everything here: PostgreSQL in a data directory, API, relay and worker; Ctrl-C stops it."""
    settings = chosen_settings(port, data_directory)
    set_up_logging(settings.log_level)

    async def run() -> None:
        leaving = leave_on_signals()
        async with local_service(settings, leaving=leaving, output=sys.stderr) as service:
            sys.stdout.write(_banner(service))
            sys.stdout.flush()
            await leaving.wait()
            sys.stdout.write("Stopping: running jobs are given time to end, the others stay queued.\n")

    run_async(run())


def _banner(service: LocalService) -> str:
    return f"""
Jobledger is up at {service.url} (documentation: {service.url}/docs)
Data and keys: {service.settings.data_directory.absolute()}

Dashboard, signed in as an operator (or run: jobledger dashboard):
{service.dashboard_link}

Token of a local user, valid for a day:
{service.token}

Submit a job:
curl -s {service.url}/jobs -H 'Authorization: Bearer {service.token}' \
-H 'Content-Type: application/json' -d '{{"job_type": "sample_task", "job_parameters": {{"steps": 3}}}}'

Or: jobledger submit sample_task --wait; then: jobledger history JOB_ID
Ctrl-C stops everything.
"""


def api() -> None:
    """Serve the HTTP API over TRANSACTION_POOLER_URL."""
    run_part("api")


def relay() -> None:
    """Move due jobs from the outbox to the queue; any number may run."""
    run_part("relay")


def worker() -> None:
    """Run jobs; any number may run."""
    run_part("worker")


def migrate() -> None:
    """Bring the database's schema up to date through MIGRATION_URL; safe to run many times at once."""
    bootstrap.migrate(load_settings())
    sys.stdout.write("The schema is up to date.\n")


def dev() -> None:
    """Serve the API with reload, for working on it."""
    import uvicorn  # noqa: PLC0415 - only this and the API need it

    settings = load_settings()
    set_up_logging(settings.log_level)
    uvicorn.run(
        "entrypoints.api.server:app_from_environment",
        factory=True,
        reload=True,
        reload_dirs=[name for name in ("domain", "adapters", "entrypoints") if Path(name).is_dir()] or None,
        host=settings.api_host,
        port=settings.api_port,
    )


def env() -> None:
    """Print where the database of the service that runs here is: eval "$(jobledger env)"."""
    settings = settings_here()
    told = {
        "DATA_DIRECTORY": str(settings.data_directory.absolute()),
        "MIGRATION_URL": settings.owner_url,
        "TRANSACTION_POOLER_URL": settings.database_url,
        "LISTEN_URL": settings.listen_url.get_secret_value() if settings.listen_url else "",
        "DATABASE_IS_POOLED": str(settings.database_is_pooled).lower(),
    }
    for name, value in told.items():
        sys.stdout.write(f"export {name}={shlex.quote(value)}\n")
