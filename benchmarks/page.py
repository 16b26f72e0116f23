"""The measured values as docs/benchmarks.md."""

import platform
import statistics
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from benchmarks.goals import FLOORS, GOALS, Goal

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
NOTES = Path(__file__).parent / "notes.md"
SOAK = Path(__file__).parent / "soak.md"
ITEM = "WAL bytes of it, "

TEMPLATE = """# Benchmarks

<!-- Written by `python -m benchmarks`, but for the notes, which are `benchmarks/notes.md`. -->

The shipped code with its shipped defaults, fsync on; the peers' own code with the settings under which their
workers drain fastest. Ours and theirs in turns on one embedded PostgreSQL; load generator, service and server share
one machine ({machine}, {cores} cores, Python {python}). Medians of up to {rounds} rounds, {jobs:,} no-op jobs in a drain. The
ratios are the result; absolute figures are context. The large tables held {events:,} events.

## Against the peers and the floors

| ratio | median | spread | must | goal | |
| --- | --- | --- | --- | --- | --- |
{ratios}

| figure | median | must | goal | |
| --- | --- | --- | --- | --- |
{floors}

{notes}

## What a completed job writes

{itemised}

## A long run at half load

{soak}

## Everything that was measured

Per second, unless the name says otherwise.

| measure | median | spread |
| --- | --- | --- |
{rows}

- **drain**: one relay and one worker process, started with the jobs there; from the first attempt's start to the
  last job's end by the database's clock, relaying included. A peer's: from the first handler's start in its one worker
  process until no job is unfinished in the database.
- **end to end**: from the first of the submissions (a thousand a call) to the last end, relay and worker at work.
- **submit**: one by one, each durable before its submitter goes on. **bulk**: a thousand a call.
- **latency**: from just before the submission to the start of the handler, in one process, idle.
- **WAL bytes**: of a completed job, submission and drain, after a checkpoint.
"""


def write(rounds: Sequence[dict[str, float]], *, jobs: int, events: int, cores: int) -> None:
    values: defaultdict[str, list[float]] = defaultdict(list)
    for measured in rounds:
        for name, value in measured.items():
            values[name].append(value)
    text = TEMPLATE.format(
        jobs=jobs,
        events=events,
        itemised=_itemised(values),
        soak=SOAK.read_text().strip() if SOAK.exists() else "Not run yet: `python -m benchmarks.soak`.",
        rounds=len(rounds),
        cores=cores,
        machine=platform.machine(),
        python=platform.python_version(),
        ratios="\n".join(filter(None, (_ratio(goal, rounds) for goal in GOALS))),
        floors="\n".join(_floors(values)),
        notes=NOTES.read_text().strip(),
        rows="\n".join(
            f"| {name} | {statistics.median(found):,.1f} | {min(found):,.1f} to {max(found):,.1f} |"
            for name, found in values.items()
            if not name.startswith(ITEM)
        ),
    )
    PAGE.write_text(text)


def _ratio(goal: Goal, rounds: Sequence[dict[str, float]]) -> str | None:
    found = [ratio for measured in rounds if (ratio := goal.ratio(measured)) is not None]
    if not found:
        return None
    median = statistics.median(found)
    sign = "≤" if goal.at_most else "≥"
    must, aim = ("" if bound is None else f"{sign} {bound:g}" for bound in (goal.must, goal.goal))
    spread = f"{min(found):.2f} to {max(found):.2f}"
    return f"| {goal.title} | {median:.2f} | {spread} | {must} | {aim} | {goal.verdict(median)} |"


def _itemised(values: dict[str, list[float]]) -> str:
    """The WAL of a job by what it is written for, the largest first."""
    found = {
        name.removeprefix(ITEM): statistics.median(v) for name, v in values.items() if name.startswith(ITEM)
    }
    lines = [
        f"| {name.replace('wal of ', 'drain, ')} | {size:,.0f} |"
        for name, size in sorted(found.items(), key=lambda i: -i[1])
    ]
    return "\n".join(
        ["| bytes of the write-ahead log, with the sealer at work | a job |", "| --- | --- |", *lines]
    )


def _floors(values: dict[str, list[float]]) -> list[str]:
    lines = []
    for floor in FLOORS:
        if floor.ours in values:
            median = statistics.median(values[floor.ours])
            sign = "≤" if floor.at_most else "≥"
            reached = [
                word
                for word, bound in (("goal", floor.goal), ("must", floor.must))
                if (median <= bound if floor.at_most else median >= bound)
            ]
            verdict = (reached or ["missed"])[0]
            told = f"{median:,.1f} | {sign} {floor.must:,} | {sign} {floor.goal:,}"
            lines.append(f"| {floor.title} | {told} | {verdict} |")
    return lines
