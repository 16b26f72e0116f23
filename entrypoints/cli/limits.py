"""`jobledger queues` and `jobledger limits`: what operators set, over HTTP."""

from typing import Annotated, Any

import typer
from rich.table import Table

from entrypoints.cli import output
from entrypoints.cli.client import Json, Reason, Url
from entrypoints.cli.http import WRONG_USAGE, ask, ask_nothing, leave, make_client

queues = typer.Typer(help="Show, pause and resume queues; a queue has the name of its job type.")
limits = typer.Typer(help="Show, set and remove limits of users and their groups.")

OPERATOR = ("operator",)

Token = Annotated[str | None, typer.Option(help="JOBLEDGER_TOKEN, or a local operator's, otherwise.")]
Name = Annotated[str, typer.Argument(help="The queue's name: a job type.")]
User = Annotated[str, typer.Argument(help="Whose limit; `*`: everybody's who has none of their own.")]
Group = Annotated[str | None, typer.Option(help="A group of theirs; `*`: each that has none of its own.")]


def register(app: typer.Typer) -> None:
    app.add_typer(queues, name="queues")
    app.add_typer(limits, name="limits")


@queues.command("list")
def list_queues(url: Url = None, token: Token = None, as_json: Json = None) -> None:
    """Show the queues, and which are paused."""
    with make_client(url, token, roles=OPERATOR) as client:
        _show(ask(client, "GET", "/queues")["queues"], as_json)


@queues.command()
def pause(name: Name, reason: Reason, url: Url = None, token: Token = None, as_json: Json = None) -> None:
    """Start nothing more of a queue, as an operator."""
    _act(name, "pause", reason, url, token, as_json)


@queues.command()
def resume(name: Name, reason: Reason, url: Url = None, token: Token = None, as_json: Json = None) -> None:
    """Let a paused queue go on, as an operator."""
    _act(name, "resume", reason, url, token, as_json)


@limits.command("list")
def list_limits(url: Url = None, token: Token = None, as_json: Json = None) -> None:
    """Show what is set, as an operator or auditor."""
    with make_client(url, token, roles=OPERATOR) as client:
        _show(ask(client, "GET", "/limits")["limits"], as_json)


@limits.command("set")
def set_limit(
    user: User,
    reason: Reason,
    group: Group = None,
    concurrency: Annotated[int | None, typer.Option(help="Attempts queued or running at once.")] = None,
    starts: Annotated[int | None, typer.Option(help="Attempts that may start in --per-seconds.")] = None,
    per_seconds: Annotated[int, typer.Option(help="In how many seconds.")] = 1,
    burst: Annotated[int, typer.Option(help="Of those, how many at once.")] = 1,
    weight: Annotated[int | None, typer.Option(help="Of a fair share; 1 otherwise.")] = None,
    url: Url = None,
    token: Token = None,
    as_json: Json = None,
) -> None:
    """Limit a user or a group, whole: what is not given is not limited any more."""
    if concurrency is None and starts is None and weight is None:
        leave("Give --concurrency, --starts or --weight; `limits remove` takes a limit back.", WRONG_USAGE)
    rate = {"starts": starts, "per_seconds": per_seconds, "burst": burst} if starts is not None else None
    asked = {"concurrency": concurrency, "rate": rate, "weight": weight, "reason": reason}
    with make_client(url, token, roles=OPERATOR) as client:
        _show([ask(client, "PUT", "/limits", json=_whose(user, group) | asked)], as_json)


@limits.command()
def remove(user: User, reason: Reason, group: Group = None, url: Url = None, token: Token = None) -> None:
    """Take a limit back."""
    with make_client(url, token, roles=OPERATOR) as client:
        ask_nothing(client, "POST", "/limits/remove", json=_whose(user, group) | {"reason": reason})


def _whose(user: str, group: str | None) -> dict[str, Any]:
    return {"user_id": user, "group_key": group}


def _act(name: str, act: str, reason: str, url: str | None, token: str | None, as_json: bool | None) -> None:
    with make_client(url, token, roles=OPERATOR) as client:
        _show([ask(client, "POST", f"/queues/{name}/{act}", json={"reason": reason})], as_json)


def _show(found: list[dict[str, Any]], as_json: bool | None) -> None:
    if output.wants_json(as_json):
        output.show_json(found)
        return
    table = Table(*(found[0] if found else ("nothing is set",)))
    for each in found:
        table.add_row(*("-" if value is None else str(value) for value in each.values()))
    output.console.print(table)
