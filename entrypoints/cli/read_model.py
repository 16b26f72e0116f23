"""`jobledger verify` and `jobledger rebuild`: the read model against its events."""

import sys
from collections.abc import Awaitable, Callable
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from domain.use_cases.rebuild import Rebuilt, rebuild_read_model
from domain.use_cases.verify import Difference, verify_read_model
from entrypoints import bootstrap
from entrypoints.cli import output
from entrypoints.cli.settings_here import settings_here
from entrypoints.parts import run_async
from entrypoints.services import Services

DIFFERS = 1
SHOWN = 50

Work = Callable[[Services, Progress], Awaitable[None]]
Json = Annotated[bool | None, typer.Option("--json/--table", help="JSON unless on a terminal.")]


def register(app: typer.Typer) -> None:
    app.command()(verify)
    app.command()(rebuild)


def verify(as_json: Json = None) -> None:
    """Compare every job with its events, while the service runs; 1 if any differs."""
    jobs = events = 0
    found: list[Difference] = []

    async def run(services: Services, bar: Progress) -> None:
        nonlocal jobs, events
        task = bar.add_task("", total=await services.read_model.size())
        async for page in verify_read_model(services.read_model):
            jobs += page.jobs
            events += page.events
            found.extend(page.differences)
            bar.update(task, completed=jobs)

    _run(run, "verifying")
    if output.wants_json(as_json):
        told = [difference._asdict() for difference in found]
        output.show_json({"holds": not found, "jobs": jobs, "events": events, "differences": told})
    else:
        for job_id, field, stored, folded in found[:SHOWN]:
            line = f"{job_id} {field}: {stored or '-'} stored, {folded or '-'} by its events"
            output.console.print(output.printable(line), soft_wrap=True)
        if len(found) > SHOWN:
            output.console.print(f"... and {len(found) - SHOWN} more; --json shows all.")
        verdict = f"{len(found)} differences" if found else "all as their events say"
        output.console.print(f"{jobs} jobs of {events} events: {verdict}.")
    if found:
        sys.exit(DIFFERS)


def rebuild(as_json: Json = None) -> None:
    """Make the table of jobs anew from the events and swap it in, over MIGRATION_URL; the service runs on."""
    rebuilding = bootstrap.rebuilding(settings_here())
    done: list[Rebuilt] = []

    async def run(services: Services, bar: Progress) -> None:
        task = bar.add_task("", total=await services.read_model.size())
        read_model = services.read_model
        done.append(
            await rebuild_read_model(
                read_model, rebuilding, told=lambda jobs: bar.update(task, completed=jobs)
            )
        )

    _run(run, "rebuilding")
    (rebuilt,) = done
    if output.wants_json(as_json):
        output.show_json(rebuilt._asdict())
        return
    for job_id in rebuilt.repaired[:SHOWN]:
        output.console.print(f"{job_id} was not as its events say, and is now.")
    if len(rebuilt.repaired) > SHOWN:
        output.console.print(f"... and {len(rebuilt.repaired) - SHOWN} more; --json shows all.")
    output.console.print(
        f"{rebuilt.jobs} jobs made of {rebuilt.events} events; {len(rebuilt.repaired)} repaired."
    )


def _run(work: Work, name: str) -> None:
    """Run `work` over the services, with a bar on standard error where somebody looks at it."""
    settings = settings_here()
    columns = (TextColumn(name), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())

    async def run() -> None:
        async with bootstrap.open_services(settings) as services:
            with Progress(*columns, console=output.errors, disable=not sys.stderr.isatty()) as bar:
                await work(services, bar)

    run_async(run())
