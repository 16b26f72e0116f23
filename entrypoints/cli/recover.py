"""`jobledger recover`: one sweep at will."""

from typing import Annotated

import typer
from rich.table import Table

from domain.events import Actor, ActorKind
from domain.use_cases.recover import Sweep
from entrypoints import bootstrap
from entrypoints.cli import output
from entrypoints.cli.settings_here import settings_here
from entrypoints.parts import run_async
from entrypoints.recovery import sweep_once

COMMAND = "jobledger-recover"


def register(app: typer.Typer) -> None:
    app.command(epilog="Example: jobledger recover --dry-run")(recover)


def recover(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be appended.")] = False,
    as_json: Annotated[bool | None, typer.Option("--json/--table", help="JSON unless on a terminal.")] = None,
) -> None:
    """Take up stuck and orphaned jobs now, over TRANSACTION_POOLER_URL."""
    settings = settings_here()

    async def run() -> Sweep:
        async with bootstrap.open_services(settings) as services:
            actor = Actor(ActorKind.RECOVERY, COMMAND)
            return await sweep_once(services, settings, actor=actor, dry_run=dry_run)

    _show(run_async(run()), dry_run=dry_run, as_json=output.wants_json(as_json))


def _show(sweep: Sweep, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        output.show_json(
            {
                "dry_run": dry_run,
                "scanned": sweep.scanned,
                "acted": [finding._asdict() for finding in sweep.acted],
                "skipped": [finding._asdict() for finding in sweep.skipped],
            }
        )
        return
    table = Table("job", "suspicion", "would append" if dry_run else "appended")
    for finding in (*sweep.acted, *sweep.skipped):
        table.add_row(*finding)
    if sweep.acted or sweep.skipped:
        output.console.print(table)
    verb = "would be taken up" if dry_run else "taken up"
    output.console.print(f"{sweep.scanned} jobs looked at, {len(sweep.acted)} {verb}.", highlight=False)
