"""What the client commands print: tables for people, JSON for programs."""

import json
import sys
from typing import Any

from rich.console import Console
from rich.table import Table

# Nobody's terminal is 80 wide by default where there is none.
# No markup and no emoji: what is printed are other people's words, and brackets in them mean nothing.
console = Console(width=None if sys.stdout.isatty() else 150, markup=False, emoji=False, highlight=False)
errors = Console(stderr=True, markup=False, emoji=False, highlight=False)


def printable(words: str) -> str:
    """Without control characters: an escape sequence in somebody's tag must not reach a terminal."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in words)


def wants_json(asked: bool | None) -> bool:
    """As asked; otherwise JSON exactly where nobody is looking."""
    return not sys.stdout.isatty() if asked is None else asked


def show_json(content: Any) -> None:
    sys.stdout.write(json.dumps(content, ensure_ascii=False, indent=2) + "\n")


def job_table(jobs: list[dict[str, Any]]) -> Table:
    table = Table("id", "type", "status", "attempt", "priority", "created", "updated")
    for job in jobs:
        attempts = f"{job['attempt']} of {job['max_attempts']}"
        table.add_row(
            job["id"],
            printable(job["job_type"]),
            job["status"],
            attempts,
            str(job["priority"]),
            short_time(job["created_at"]),
            short_time(job["updated_at"]),
        )
    return table


def details_table(job: dict[str, Any]) -> Table:
    table = Table("field", "value", show_header=False)
    for name, value in job.items():
        if value not in (None, [], {}) and name != "links":
            shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            table.add_row(name, printable(shown))
    return table


def history_table(events: list[dict[str, Any]]) -> Table:
    table = Table("version", "recorded", "event", "actor", "request", "what")
    for event in events:
        actor = event["actor"]
        table.add_row(
            str(event["version"]),
            short_time(event["recorded_at"]),
            event["type"],
            printable(f"{actor['kind']} {actor['id'][-12:]}"),
            (event["request_id"] or "")[:13],
            told(event["data"]),
        )
    return table


def told(data: dict[str, Any]) -> str:
    """The telling fields of an event, on one line."""
    names = ("attempt", "cause", "error", "reason", "percent", "message", "result", "retry_at", "priority")
    parts = []
    for name in names:
        if name in data:
            value = data[name]
            shown = value["message"] if name == "error" else value
            parts.append(f"{name}={shown if isinstance(shown, str) else json.dumps(shown)}")
    return printable(", ".join(parts)[:100])


def short_time(at: str) -> str:
    return at[11:23]
