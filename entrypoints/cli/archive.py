"""`jobledger archive`: months whose jobs have all ended go into files that can be verified."""

import sys
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from domain.archive import ArchiveVerdict, check_archive
from domain.events import Actor, ActorKind, Provenance
from domain.months import first_of, previous_month, told
from domain.ports.archive import ArchivedMonth
from domain.use_cases.archive import KeptMonth, archive_months, drop_detached
from entrypoints import bootstrap
from entrypoints.cli import output
from entrypoints.cli.http import WRONG_USAGE, leave
from entrypoints.cli.settings_here import settings_here
from entrypoints.parts import run_async
from entrypoints.services import Archiving

COMMAND = "jobledger-archive"
DOES_NOT_HOLD = 1

archive = typer.Typer(
    help="Move old months into files, show which were moved, verify a file.", invoke_without_command=True
)

Before = Annotated[str | None, typer.Option(help="Move the months before this one, as YYYY-MM.")]
Directory = Annotated[Path, typer.Option("--to", help="The folder that the files are, or will be, in.")]
Drop = Annotated[
    bool, typer.Option("--drop", help="Drop detached tables whose files are here, as they were recorded.")
]
Json = Annotated[bool | None, typer.Option("--json/--table", help="JSON unless on a terminal.")]
File = Annotated[Path, typer.Argument(help="A file that `jobledger archive` wrote.")]


def register(app: typer.Typer) -> None:
    app.add_typer(archive, name="archive")


@archive.callback()
def run(
    context: typer.Context,
    before: Before = None,
    to: Directory = Path("archive"),
    drop: Drop = False,
    as_json: Json = None,
) -> None:
    """Move months whose jobs have all ended into files in `--to`, over MIGRATION_URL.

    Each is written, read again and compared with the database; then its jobs and their history leave it in
    one transaction, and its table stays, detached, until `--drop`. Killed at any point, run it again.
    Without `--before` and `--drop` it shows what was moved.
    """
    if context.invoked_subcommand is not None:
        return
    month = _month(before) if before else None

    async def work() -> tuple[list[ArchivedMonth], list[KeptMonth]]:
        provenance = Provenance(actor=Actor(ActorKind.OPERATOR, COMMAND), command_id="")
        kept: list[KeptMonth] = []
        async with bootstrap.open_archive(settings_here(), to) as archiving:
            provenance = provenance._replace(command_id=archiving.ids.command_id())
            if month:
                kept += await _move(archiving, month, provenance)
            if drop:
                _, stay = await drop_detached(
                    archiving.archive, archiving.months, archiving.files, provenance=provenance
                )
                kept += stay
            return await archiving.months.all(), kept

    months, kept = run_async(work())
    _show(months, kept, as_json=output.wants_json(as_json))


@archive.command()
def verify(file: File, as_json: Json = None) -> None:
    """Check a file from nothing but itself: digest, hashes, payloads, every job's history; 1 if not sound.

    Compare its SHA-256 with the one that was recorded: `jobledger archive` shows it, and so does the history.
    """
    if not file.is_file():
        leave(f"{file} is no file", WRONG_USAGE)
    files = bootstrap.archive_files(file.parent)
    verdict = check_archive(files.lines(file.name))
    _show_verdict(verdict, files.digest(file.name) or "", as_json=output.wants_json(as_json))
    if not verdict.holds:
        sys.exit(DOES_NOT_HOLD)


async def _move(archiving: Archiving, before: date, provenance: Provenance) -> list[KeptMonth]:
    with ExitStack() as stack:
        _, kept = await archive_months(
            archiving.archive,
            archiving.files,
            archiving.clock,
            before=before,
            provenance=provenance,
            on_progress=_bar(stack),
        )
    return kept


def _month(text: str) -> date:
    """The month asked for; the running one and the one before stay, for clocks that lag behind."""
    try:
        month = datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC).date()
    except ValueError:
        leave(f"--before: {text!r} is no month; write 2026-01", WRONG_USAGE)
    last = previous_month(first_of(datetime.now(UTC).date()))
    if month > last:
        leave(f"--before: {told(last)} at most; the running month and the one before stay", WRONG_USAGE)
    return month


def _bar(stack: ExitStack) -> Callable[[date, int, int], None]:
    """A bar a month on standard error, where somebody looks at it."""
    if not sys.stderr.isatty():
        return lambda *_: None
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    progress = stack.enter_context(Progress(*columns, console=output.errors))
    tasks: dict[date, Any] = {}

    def show(month: date, done: int, total: int) -> None:
        if month not in tasks:
            tasks[month] = progress.add_task(told(month))
        progress.update(tasks[month], completed=done, total=total)

    return show


def _show(months: list[ArchivedMonth], kept: list[KeptMonth], *, as_json: bool) -> None:
    if as_json:
        output.show_json(
            {
                "archived": [_told(month) for month in months],
                "kept": [{"month": told(month.month), "reason": month.reason} for month in kept],
            }
        )
        return
    table = Table("month", "jobs", "events", "file", "sha256", "table")
    for month in months:
        place = "dropped" if month.dropped_at else f"detached: {_table(month)}"
        table.add_row(told(month.month), str(month.jobs), str(month.events), month.file, month.sha256, place)
    if months:
        output.console.print(table)
    for stays in kept:
        output.console.print(f"{told(stays.month)} stays: {stays.reason}.")
    if not months and not kept:
        output.console.print("No month was archived, and none is that old.")


def _table(month: ArchivedMonth) -> str:
    return f"jobledger.job_events_{month.month:%Y_%m}"


def _told(month: ArchivedMonth) -> dict[str, Any]:
    return {
        "month": told(month.month),
        "file": month.file,
        "sha256": month.sha256,
        "jobs": month.jobs,
        "events": month.events,
        "archived_at": month.archived_at.isoformat(),
        "detached_table": None if month.dropped_at else _table(month),
    }


def _show_verdict(verdict: ArchiveVerdict, sha256: str, *, as_json: bool) -> None:
    if as_json:
        output.show_json(
            {
                "holds": verdict.holds,
                "month": verdict.month,
                "events": verdict.events,
                "jobs": verdict.jobs,
                "erased_payloads": verdict.erased,
                "sha256": sha256,
                "findings": [finding._asdict() for finding in verdict.findings],
            }
        )
        return
    for line, what in verdict.findings:
        output.console.print(f"line {line}: {output.printable(what)}", soft_wrap=True)
    output.console.print(f"{verdict.month}: {verdict.events} events of {verdict.jobs} jobs, SHA-256 {sha256}")
    output.console.print("It holds." if verdict.holds else "It does NOT hold.")
