"""`jobledger verify` and `jobledger rebuild`: the read model against its events."""

import sys
from collections.abc import Awaitable, Callable
from concurrent.futures.process import BrokenProcessPool
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from domain.use_cases.rebuild import Rebuilt, rebuild_read_model
from domain.use_cases.verify import NOTHING_YET, Compared
from entrypoints import bootstrap
from entrypoints.cli import output
from entrypoints.cli.http import leave
from entrypoints.cli.settings_here import settings_here
from entrypoints.parts import run_async
from entrypoints.processes import processors
from entrypoints.services import Services
from entrypoints.settings import Settings
from entrypoints.verifying import comparing

DIFFERS = 1
NOT_DONE = 6
SHOWN = 50
KILLED = "One of the comparing processes was killed, perhaps for want of memory: try fewer with --processes."

Work = Callable[[Services, Progress], Awaitable[None]]
Processes = Annotated[int, typer.Option(min=0, help="How many at once; 0 for one a processor.")]
Json = Annotated[bool | None, typer.Option("--json/--table", help="JSON unless on a terminal.")]


def register(app: typer.Typer) -> None:
    app.command()(verify)
    app.command()(rebuild)


def verify(as_json: Json = None, processes: Processes = 0) -> None:
    """Compare every job with its events, while the service runs; 1 if any differs."""
    jobs, events, found = _compared(settings_here(), processes or processors())
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
        read_model = services.read_model
        bar.update(bar.task_ids[0], total=await read_model.size())
        done.append(
            await rebuild_read_model(
                read_model, rebuilding, told=lambda jobs: bar.update(bar.task_ids[0], completed=jobs)
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


def _compared(settings: Settings, processes: int) -> Compared:
    found = NOTHING_YET
    try:
        with comparing(settings, processes=processes) as comparison, _bar("verifying") as bar:
            for number, part in enumerate(comparison.parts, start=1):
                found = found.and_then(part)
                bar.update(bar.task_ids[0], total=comparison.spans, completed=number)
    except BrokenProcessPool:
        leave(KILLED, NOT_DONE)
    return found


def _bar(name: str) -> Progress:
    """A bar of one task on standard error, where somebody looks at it."""
    columns = (TextColumn(name), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=output.errors, disable=not sys.stderr.isatty())
    bar.add_task("", total=None)
    return bar


def _run(work: Work, name: str) -> None:
    """Run `work` over the services, with a bar on standard error where somebody looks at it."""
    settings = settings_here()

    async def run() -> None:
        async with bootstrap.open_services(settings) as services:
            with _bar(name) as bar:
                await work(services, bar)

    run_async(run())
