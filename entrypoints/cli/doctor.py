"""`jobledger doctor`: what is wrong here, and what to do about it."""

import sys
from typing import Annotated

import typer
from rich.table import Table

from domain.doctor.findings import Finding, Verdict, error
from domain.errors import InvalidSettings
from entrypoints import bootstrap
from entrypoints.cli import output
from entrypoints.cli.settings_here import settings_here
from entrypoints.doctor import examine
from entrypoints.parts import run_async

ERRORS_FOUND = 1


def register(app: typer.Typer) -> None:
    app.command()(doctor)


def doctor(
    as_json: Annotated[bool | None, typer.Option("--json/--table", help="JSON unless on a terminal.")] = None,
) -> None:
    """Examine this installation and say what to do; 1 when something keeps it from working."""
    try:
        findings: list[Finding] = run_async(examine(settings_here(), bootstrap.clock()))
    except InvalidSettings as problem:
        findings = [error("settings", str(problem), "Set it right; .env.example has every setting.")]
    if output.wants_json(as_json):
        output.show_json([finding._asdict() for finding in findings])
    else:
        _show(findings)
    if any(finding.verdict is Verdict.ERROR for finding in findings):
        sys.exit(ERRORS_FOUND)


def _show(findings: list[Finding]) -> None:
    colours = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.ERROR: "red", Verdict.UNKNOWN: "dim"}
    table = Table("check", "verdict", "what was found, and what to do")
    for finding in findings:
        told = output.printable(finding.told) + (f"\n→ {finding.advice}" if finding.advice else "")
        table.add_row(finding.check, finding.verdict.value, told, style=colours[finding.verdict])
    output.console.print(table)
