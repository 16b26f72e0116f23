"""What the demo shows: bars on a terminal, plain lines elsewhere, and the totals."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from domain.lifecycle import ENDED
from entrypoints.cli.client_output import STATUS_STYLES, cell, console
from entrypoints.cli.demo_plan import Kind

Show = Callable[[Counter[str], Counter[str]], None]
"""Takes how many have ended by kind, and how many there are by status."""

LINE_SECONDS = 1.0


@contextmanager
def live_progress(kinds: Sequence[Kind]) -> Iterator[Show]:
    """Something to call with every look at the jobs."""
    if not sys.stdout.isatty():
        yield _plain_lines()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console()) as bars:
        of_kind = {kind.name: bars.add_task(kind.name, total=kind.count) for kind in kinds}

        def show(ended: Counter[str], _: Counter[str]) -> None:
            for name, bar in of_kind.items():
                bars.update(bar, completed=ended[name])

        yield show


def _plain_lines() -> Show:
    began = time.monotonic()
    said_at = 0.0

    def show(ended: Counter[str], statuses: Counter[str]) -> None:
        nonlocal said_at
        now = time.monotonic()
        all_ended = ended.total() == statuses.total()
        if now - said_at < LINE_SECONDS and not all_ended:
            return
        said_at = now
        counts = ", ".join(f"{count} {status}" for status, count in sorted(statuses.items()))
        console().print(f"  {now - began:4.1f} s: {counts}")

    return show


def totals_table(accepted: Mapping[str, Kind], jobs: Mapping[str, Mapping[str, Any]]) -> Table:
    """By kind, how many were accepted and in which status they are now."""
    table = Table("kind", "accepted", *(status.value for status in ENDED), "not ended", box=None)
    counts: dict[str, Counter[str]] = {}
    for job_id, kind in accepted.items():
        status = jobs[job_id]["status"] if job_id in jobs else "lost"
        counts.setdefault(kind.name, Counter())[status] += 1
    for name, by_status in sorted(counts.items()):
        table.add_row(cell(name), *_row(by_status))
    table.add_section()
    table.add_row(cell("in all", "bold"), *_row(sum(counts.values(), Counter())))
    return table


def _row(by_status: Counter[str]) -> list[Any]:
    ended = [by_status[status.value] for status in ENDED]
    shown = [
        cell(count or "", STATUS_STYLES[status.value]) for status, count in zip(ENDED, ended, strict=True)
    ]
    return [cell(by_status.total()), *shown, cell(by_status.total() - sum(ended) or "")]
