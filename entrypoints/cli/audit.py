"""`jobledger audit`: what auditors do. `verify` needs neither service nor database."""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import httpx
import typer
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from domain.ledger.forms import Form
from domain.ledger.notes import (
    Checkpoint,
    LogKey,
    MalformedNote,
    parse_checkpoint,
    parse_key,
    parse_note,
    trusted_checkpoint,
)
from domain.ledger.verifier import Verdict, Verifier
from entrypoints import bootstrap
from entrypoints.cli import output
from entrypoints.cli.http import WRONG_USAGE, ask_pieces, ask_text, leave, local_token, make_client
from entrypoints.parts import rest_the_collector

DOES_NOT_HOLD = 1
LINES_A_STEP = 2000
SHOWN = 50
LOCAL_AUDITOR = "local-auditor"

audit = typer.Typer(help="Prove and check the history, as an auditor.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(help="An export in any form; - for standard input.")]
Key = Annotated[
    list[str], typer.Option(help="The ledger's public key, or a file with it; may be given twice.")
]
Last = Annotated[Path | None, typer.Option(help="The checkpoint that you kept from last time.")]
Keep = Annotated[Path | None, typer.Option(help="Where to keep this export's checkpoint for next time.")]
Tree = Annotated[int | None, typer.Option(help="An earlier tree's, of before a restore; the last otherwise.")]
Url = Annotated[str | None, typer.Option(help="The service; JOBLEDGER_URL otherwise.")]
Token = Annotated[str | None, typer.Option(help="An auditor's token; JOBLEDGER_TOKEN otherwise.")]
Json = Annotated[bool | None, typer.Option("--json/--table", help="JSON unless on a terminal.")]


def register(app: typer.Typer) -> None:
    app.add_typer(audit, name="audit")


@audit.command(epilog="Example: jobledger audit verify all.ndjson --key ledger.key --checkpoint last.note")
def verify(
    file: File, key: Key, checkpoint: Last = None, keep_checkpoint: Keep = None, as_json: Json = None
) -> None:
    """Check an export: signatures, hashes, order, completeness, every job's history; 1 if it does not hold.

    Trusts the key and nothing else. With the checkpoint of last time it also proves that nothing before it
    was changed since.
    """
    rest_the_collector()
    keys = [one for text in key for one in _keys(text)]
    last = _last(checkpoint, keys) if checkpoint else None
    verifier = Verifier(keys, bootstrap.check_signature, last, bootstrap.fast_json)
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


@audit.command(epilog="Example: jobledger audit export -o march.ndjson --since 2026-03-01T00:00:00Z")
def export(
    output_file: Annotated[Path, typer.Option("--output", "-o", help="The file to write.")],
    form: Annotated[Form, typer.Option(help="In which form; all of them can be verified.")] = Form.NDJSON,
    checkpoint: Last = None,
    job: Annotated[str | None, typer.Option(help="Only this job's events.")] = None,
    user: Annotated[str | None, typer.Option(help="Only events of this user's jobs.")] = None,
    actor: Annotated[str | None, typer.Option(help="Only what this one did.")] = None,
    event_type: Annotated[str | None, typer.Option("--type", help="Only events of this type.")] = None,
    since: Annotated[str | None, typer.Option(help="Recorded at this time or later.")] = None,
    until: Annotated[str | None, typer.Option(help="Recorded before this time.")] = None,
    after: Annotated[int, typer.Option(help="Only events above this position.")] = 0,
    tree: Tree = None,
    url: Url = None,
    token: Token = None,
) -> None:
    """Write the history, or a part of it, to a file that proves itself; a half-written one is not left.

    With the checkpoint of last time, the file can be compared with it whatever is filtered out.
    """
    asked: dict[str, Any] = {
        "form": form.value,
        "known_size": _size(checkpoint) if checkpoint else None,
        "job_id": job,
        "user_id": user,
        "actor_id": actor,
        "type": event_type,
        "since": since,
        "until": until,
        "after": after or None,
        "tree": tree,
    }
    part = output_file.with_name(f"{output_file.name}.part")
    try:
        with _auditor(url, token) as client, part.open("wb") as file:
            _download(client, {name: value for name, value in asked.items() if value is not None}, file)
        part.replace(output_file)
    except OSError as error:
        leave(f"{output_file} cannot be written: {error.strerror}", WRONG_USAGE)
    finally:
        part.unlink(missing_ok=True)
    sys.stdout.write(f"{output_file}: jobledger audit verify {output_file} --key KEY\n")


@audit.command()
def key(url: Url = None, token: Token = None) -> None:
    """Print the ledger's public keys, the newest first: keep them where nobody else writes."""
    with _auditor(url, token) as client:
        sys.stdout.write(ask_text(client, "/audit/key"))


@audit.command()
def checkpoint(tree: Tree = None, url: Url = None, token: Token = None) -> None:
    """Print the last checkpoint: keep it, and compare the next export with it."""
    asked = {} if tree is None else {"tree": tree}
    with _auditor(url, token) as client:
        sys.stdout.write(ask_text(client, "/audit/checkpoint", params=asked))


def _auditor(url: str | None, token: str | None) -> httpx.Client:
    """A client with an auditor's token: where the service is its own issuer, that of a local auditor."""
    if token or os.environ.get("JOBLEDGER_TOKEN"):
        return make_client(url, token)
    address = url or os.environ.get("JOBLEDGER_URL")
    return make_client(url, local_token(user=LOCAL_AUDITOR, roles=("auditor",), url=address))


def _size(path: Path) -> int:
    """The size of a kept checkpoint; whose it is, `verify` finds out."""
    try:
        return parse_checkpoint(parse_note(path.read_text(encoding="utf-8")).body).size
    except (MalformedNote, OSError, UnicodeDecodeError) as error:
        leave(f"--checkpoint: {error}", WRONG_USAGE)


def _download(client: httpx.Client, asked: dict[str, Any], file: BinaryIO) -> None:
    columns = (TextColumn("exporting"), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=output.errors, transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("", total=None)
        for piece in ask_pieces(client, "/audit/export", params=asked):
            file.write(piece)
            bar.advance(task, len(piece))


def _keys(text: str) -> list[LogKey]:
    """A key, or those in a file, a line each: as `audit key` prints them while one replaces another."""
    path = Path(text)
    try:
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else [text]
        return [parse_key(line) for line in lines if line.strip()]
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
    if verdict.filter:
        counts += f", filtered by {', '.join(f'{name} {value}' for name, value in verdict.filter.items())}"
    if verdict.first > 1:
        counts += f"; those before position {verdict.first} are in an earlier tree"
    if verdict.erased:
        counts += f", {verdict.erased} payloads erased"
    output.console.print(output.printable(counts), soft_wrap=True)
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
        "first": verdict.first,
        "filter": verdict.filter,
        "events": verdict.events,
        "skipped": verdict.skipped,
        "streams": verdict.jobs,
        "erased_payloads": verdict.erased,
    }
