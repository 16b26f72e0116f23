"""The command that leads to the dashboard."""

import sys
import webbrowser
from typing import Annotated

import typer

from entrypoints.cli.http import address_in
from entrypoints.local_service import dashboard_link
from entrypoints.settings import load_settings


def register(app: typer.Typer) -> None:
    app.command()(dashboard)


def dashboard(
    role: Annotated[list[str] | None, typer.Option(help="operator (the default), auditor or user.")] = None,
    url: Annotated[str | None, typer.Option(help="The service; the local one otherwise.")] = None,
    open_browser: Annotated[bool, typer.Option("--open", help="Open it in a browser, too.")] = False,
) -> None:
    """Print a link to the dashboard that signs the local user in, or open it."""
    settings = load_settings()
    if url:
        settings = settings.model_copy(update=address_in(url))
    link = dashboard_link(settings, roles=tuple(role or ("operator",)))
    sys.stdout.write(link + "\n")
    if open_browser:
        webbrowser.open(link)
