"""The `jobledger` command: a module a group of commands."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from domain.errors import JobledgerError
from entrypoints.cli import (
    archive,
    audit,
    client,
    dashboard,
    demo,
    deploy,
    doctor,
    ledger,
    limits,
    read_model,
    recover,
    serve,
)
from entrypoints.code_version import CODE_VERSION

HELP = """Jobs that are never lost, with a history of who did what, when and why.

Exit codes: 0 done; 1 the job failed or was cancelled, or the demo, `verify` or `audit verify` found something
wrong; 2 wrong usage or settings; 3 not found; 4 refused (the job's state, its
version, or a field); 5 no valid token; 6 the service cannot be reached.
"""

app = typer.Typer(
    help=HELP,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)


def _show_version(is_asked: bool) -> None:
    if is_asked:
        sys.stdout.write(f"jobledger {CODE_VERSION}\n")
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
]


@app.callback()
def jobledger(version: Version = False) -> None:
    pass


serve.register(app)
client.register(app)
dashboard.register(app)
demo.register(app)
recover.register(app)
doctor.register(app)
read_model.register(app)
audit.register(app)
archive.register(app)
ledger.register(app)
deploy.register(app)
limits.register(app)


def main() -> None:
    # Job types lie where the command is run, as they do for the parts; last, so that they shadow nothing.
    sys.path.append(str(Path.cwd()))
    try:
        app()
    except JobledgerError as error:
        sys.stderr.write(f"jobledger: {error}\n")
        sys.exit(2)
