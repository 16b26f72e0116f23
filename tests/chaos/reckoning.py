"""What the checker makes of everything that is left in the database."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import set_json_loads
from psycopg.types.string import TextLoader

from adapters.postgres import event_codec, view_codec
from adapters.postgres.event_codec import loads
from domain.events import EVENT_TYPES, JobCancelled, JobCompleted, JobFailed, JobRetried, RecordedEvent
from domain.lifecycle import is_legal
from domain.views import JobView, project


@dataclass
class Reckoning:
    """What the checker found; `wrong` is empty when every promise held."""

    faults: Counter[str]
    acknowledged: int
    statuses: Counter[str]
    answers: Counter[int]
    events: int
    lost_attempts: int
    wrong: list[str]

    def table(self) -> str:
        rows = [
            ("faults injected", f"{sum(self.faults.values())}: {_listed(self.faults)}"),
            ("answers to submissions", _listed(self.answers)),
            ("jobs acknowledged", str(self.acknowledged)),
            ("how they ended", _listed(self.statuses)),
            ("events", f"{self.events}, of them {self.lost_attempts} lost attempts"),
            ("wrong", "; ".join(self.wrong[:10]) or "nothing: lost 0, double outcomes 0, double effects 0"),
        ]
        return "\n".join(
            f"| {name} | {value} |" for name, value in [("what", "figure"), ("---", "---"), *rows]
        )


def _listed(counts: Counter[Any]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items(), key=str))


def reckon(url: str, *, acknowledged: set[str], answers: Counter[int], faults: Counter[str]) -> Reckoning:
    """Read the whole database at `url`: `acknowledged` are the jobs that clients were told are accepted."""
    wrong: list[str] = []
    with psycopg.connect(url, row_factory=dict_row) as owner:
        set_json_loads(loads, owner)
        owner.adapters.register_loader("uuid", TextLoader)
        views = {
            row["id"]: view_codec.decode(row)
            for row in owner.execute("SELECT * FROM jobledger.jobs").fetchall()
        }
        rows = owner.execute(
            "SELECT * FROM jobledger.job_events WHERE type = ANY (%s) ORDER BY job_id, version",
            [list(EVENT_TYPES)],
        ).fetchall()
        streams: dict[str, list[RecordedEvent]] = {}
        for row in rows:
            streams.setdefault(row["job_id"], []).append(event_codec.decode(row))
        effects = {
            name: Counter(row["job_id"] for row in owner.execute(f"SELECT job_id FROM {name}").fetchall())  # noqa: S608
            for name in ("at_least_once", "exactly_once")
        }
        parked = owner.execute("SELECT error FROM jobledger.parked").fetchall()
    wrong += [f"job {job_id} was accepted and is gone" for job_id in acknowledged - set(views)]
    wrong += [f"parked: {row['error']}" for row in parked]
    for job_id, view in views.items():
        wrong += [f"job {job_id}: {problem}" for problem in _problems(view, streams.get(job_id, []), effects)]
    kinds = Counter(row["type"] for row in rows)
    return Reckoning(
        faults=faults,
        acknowledged=len(acknowledged),
        statuses=Counter(view.job.status.value for view in views.values()),
        answers=answers,
        events=len(rows),
        lost_attempts=kinds["AttemptLost"],
        wrong=wrong,
    )


def _problems(view: JobView, stream: list[RecordedEvent], effects: dict[str, Counter[str]]) -> list[str]:
    problems = []
    folded: JobView | None = None
    outcomes = 0
    for number, recorded in enumerate(stream, start=1):
        if recorded.version != number:
            problems.append(f"version {number} is missing")
        if not is_legal(folded.job.status if folded else None, recorded.event):
            problems.append(f"{type(recorded.event).__name__} at version {number} is illegal")
        outcomes = 0 if isinstance(recorded.event, JobRetried) else outcomes
        outcomes += isinstance(recorded.event, JobCompleted | JobFailed | JobCancelled)
        folded = project(folded, recorded)
    if folded != view:
        problems.append("its view is not the fold of its events")
    if outcomes != 1:
        problems.append(f"it has {outcomes} outcomes")
    completed = view.job.status == "completed"
    done = effects[view.job.job_type][view.job.id]
    if view.job.job_type == "exactly_once" and done != completed:
        problems.append(f"its effect happened {done} times")
    if view.job.job_type == "at_least_once" and completed and not done:
        problems.append("its effect never happened")
    return problems
