"""`jobledger demo`: the main job on real input, from nothing, and the proof that nothing was lost."""

import asyncio

import typer

from entrypoints.cli.exit_codes import CommandFailed, ExitCode
from entrypoints.cli.serve import DataDirectory, Port, starting
from entrypoints.loops import leave_on_signals
from entrypoints.settings import Settings

LOG_NAME = "demo.log"


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel="Service")(demo)


def demo(data_directory: DataDirectory = None, port: Port = 0) -> None:
    """Start the service, run 300 jobs of several kinds over HTTP, and check that none was lost."""
    settings = starting(port=port, data_directory=data_directory)
    asyncio.run(_demo(settings))


async def _demo(settings: Settings) -> None:
    # The service takes a second to import, which `--help` need not wait for.
    from entrypoints.cli.demo_run import run_demo  # noqa: PLC0415
    from entrypoints.cli.local_service import local_service  # noqa: PLC0415

    leaving = leave_on_signals()
    settings.data_directory.mkdir(parents=True, exist_ok=True)
    log_path = settings.data_directory / LOG_NAME
    typer.echo(f"Starting the service in {settings.data_directory} (its log: {log_path}).")
    with log_path.open("w") as output:
        async with local_service(settings, leaving=leaving, output=output) as service:
            typer.echo(f"It is at {service.url}.")
            running = asyncio.create_task(run_demo(service))
            asked = asyncio.create_task(leaving.wait())
            await asyncio.wait((running, asked), return_when=asyncio.FIRST_COMPLETED)
            asked.cancel()
            if not running.done():
                running.cancel()
                told = (
                    f"The demo was interrupted; `jobledger up` finishes what was accepted (log: {log_path})."
                )
                raise CommandFailed(told, ExitCode.JOB_DID_NOT_COMPLETE)
            is_proven = running.result()
    if not is_proven:
        raise CommandFailed("Something is off; see above.", ExitCode.JOB_DID_NOT_COMPLETE)
