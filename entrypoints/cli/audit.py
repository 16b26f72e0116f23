"""`jobledger audit`: what auditors do. `verify` needs neither service nor database."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from domain.ledger.notes import Checkpoint, LogKey, MalformedNote, parse_key
from domain.ledger.verifier import Verdict, Verifier, trusted_checkpoint
from entrypoints import bootstrap
from entrypoints.cli import output
from entrypoints.cli.http import WRONG_USAGE, leave

DOES_NOT_HOLD = 1
LINES_A_STEP = 2000
SHOWN = 50

audit = typer.Typer(help="Prove and check the history, as an auditor.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(help="An export as NDJSON; - for standard input.")]
Key = Annotated[
    list[str], typer.Option(help="The ledger's public key, or a file with it; may be given twice.")
]
Last = Annotated[Path | None, typer.Option(help="The checkpoint that you kept from last time.")]
Keep = Annotated[Path | None, typer.Option(help="Where to keep this export's checkpoint for next time.")]
Json = Annotated[bool | None, typer.Option("--json/--table", help="JSON unless on a terminal.")]


def register(app: typer.Typer) -> None:
    app.add_typer(audit, name="audit")


@audit.command()
def verify(
    file: File, key: Key, checkpoint: Last = None, keep_checkpoint: Keep = None, as_json: Json = None
) -> None:
    """Check an export: signatures, hashes, order, completeness, every job's history; 1 if it does not hold.

    Trusts the key and nothing else. With the checkpoint of last time it also proves that nothing before it
    was changed since.
    """
    keys = [_key(text) for text in key]
    last = _last(checkpoint, keys) if checkpoint else None
    verifier = Verifier(keys, bootstrap.check_signature, last)
    with ExitStack() as stack:
        try:
            lines = sys.stdin.buffer if str(file) == "-" else stack.enter_context(file.open("rb"))
        except OSError as error:
            leave(f"{file} cannot be read: {error.strerror}", WRONG_USAGE)
        verdict = verifier.run(_with_progress(lines, file, stack))
    _show(verdict, as_json=output.wants_json(as_json))
    if not verdict.holds:
        sys.exit(DOES_NOT_HOLD)
    if keep_checkpoint:
        keep_checkpoint.write_text(verifier.note, encoding="utf-8")


def _key(text: str) -> LogKey:
    path = Path(text)
    try:
        return parse_key(path.read_text(encoding="utf-8") if path.is_file() else text)
    except (MalformedNote, OSError) as error:
        leave(f"--key: {error}", WRONG_USAGE)


def _last(path: Path, keys: list[LogKey]) -> Checkpoint:
    try:
        return trusted_checkpoint(path.read_text(encoding="utf-8"), keys, bootstrap.check_signature)
    except (MalformedNote, OSError, UnicodeDecodeError) as error:
        leave(f"--checkpoint: {error}", WRONG_USAGE)


def _with_progress(lines: BinaryIO, file: Path, stack: ExitStack) -> Iterable[bytes]:
    """The lines, with a bar on standard error where somebody looks at it and the size is known."""
    if not sys.stderr.isatty() or not file.is_file():
        return lines
    columns = (TextColumn("verifying"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    bar = stack.enter_context(Progress(*columns, console=output.errors, transient=True))
    return _counted(lines, bar, file.stat().st_size)


def _counted(lines: BinaryIO, bar: Progress, size: int) -> Iterator[bytes]:
    task = bar.add_task("", total=size)
    read = 0
    for number, line in enumerate(lines):
        read += len(line)
        if number % LINES_A_STEP == 0:
            bar.update(task, completed=read)
        yield line


def _show(verdict: Verdict, *, as_json: bool) -> None:
    if as_json:
        output.show_json(_told(verdict))
        return
    for line, position, what in verdict.findings[:SHOWN]:
        where = f"line {line}" if position is None else f"position {position}, line {line}"
        output.console.print(f"{where}: {output.printable(what)}", soft_wrap=True)
    if len(verdict.findings) > SHOWN:
        output.console.print(f"... and {len(verdict.findings) - SHOWN} more; --json shows all.")
    counts = f"{verdict.events} events of {verdict.jobs} streams, {verdict.skipped} positions by their hashes"
    if verdict.erased:
        counts += f", {verdict.erased} payloads erased"
    output.console.print(counts)
    if verdict.holds and verdict.checkpoint:
        with_last = ""
        if verdict.compared_with:
            with_last = f"; nothing up to your checkpoint of size {verdict.compared_with.size} has changed"
        output.console.print(f"It holds: signed up to size {verdict.checkpoint.size}{with_last}.")
    else:
        output.console.print(f"It does NOT hold: {len(verdict.findings)} findings.")


def _told(verdict: Verdict) -> dict[str, Any]:
    checkpoint, last = verdict.checkpoint, verdict.compared_with
    return {
        "holds": verdict.holds,
        "findings": [finding._asdict() for finding in verdict.findings],
        "origin": checkpoint.origin if checkpoint else None,
        "size": checkpoint.size if checkpoint else None,
        "compared_with_size": last.size if last else None,
        "events": verdict.events,
        "skipped": verdict.skipped,
        "streams": verdict.jobs,
        "erased_payloads": verdict.erased,
    }
