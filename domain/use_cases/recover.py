"""Take up jobs that nobody else will: stuck ones and orphans. Any number of sweeps may run at once."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from domain import decisions
from domain.audit import RecoverySwept
from domain.events import Cause, JobEvent, Provenance
from domain.identifiers import JobId
from domain.job_types import JobTypes
from domain.ports.audit_trail import AuditTrail
from domain.ports.event_store import Appended, Change, EventStore
from domain.ports.hints import Hints, Topic
from domain.ports.recovery import Recovery, Suspect, Suspicion
from domain.ports.system import Clock, Randomness
from domain.retries import WhenLost

PAGE = 20_000
TOLD = 1000


class Finding(NamedTuple):
    """A suspect, and the event that was appended for it, or why none was."""

    job_id: JobId
    suspicion: Suspicion
    told: str


@dataclass(slots=True)
class Sweep:
    """What one sweep saw and did; a dry run only says what it would do."""

    scanned: int = 0
    months_made: int = 0
    acted: list[Finding] = field(default_factory=list)
    skipped: list[Finding] = field(default_factory=list)


async def recover_orphaned_jobs(
    recovery: Recovery,
    store: EventStore,
    audit: AuditTrail,
    hints: Hints,
    types: JobTypes,
    clock: Clock,
    randomness: Randomness,
    *,
    provenance: Provenance,
    silent_for_seconds: int,
    dry_run: bool = False,
    page: int = PAGE,
    rest: Callable[[], Awaitable[None]] | None = None,
) -> Sweep:
    """Go through all jobs, page by page; end each suspect, or requeue it where its job type says so.

    After each page but the last it takes a `rest`.

    A suspect that moved on in between is skipped: somebody took it up after all. The sweep itself is
    recorded, unless it is a dry run.
    """
    sweep = Sweep()
    if not dry_run:
        sweep.months_made = await recovery.make_months_ahead()
    after: JobId | None = None
    while True:
        found = await recovery.suspects(after=after, limit=page, silent_for_seconds=silent_for_seconds)
        sweep.scanned += found.scanned
        changes = [_change(suspect, types, clock, randomness, provenance) for suspect in found.suspects]
        if dry_run:
            sweep.acted += [_finding(*pair) for pair in zip(found.suspects, changes, strict=True)]
        else:
            await _append(store, sweep, found.suspects, changes)
        if found.last is None:
            break
        after = found.last
        if rest:
            await rest()
    if not dry_run:
        hints.announce(Topic.OUTBOX)
        await audit.record(_record(sweep, silent_for_seconds), provenance)
    return sweep


async def _append(store: EventStore, sweep: Sweep, suspects: list[Suspect], changes: list[Change]) -> None:
    outcomes = await store.append(changes) if changes else []
    for suspect, change, outcome in zip(suspects, changes, outcomes, strict=True):
        if isinstance(outcome, Appended):
            sweep.acted.append(_finding(suspect, change))
        else:
            sweep.skipped.append(Finding(change.job_id, suspect.suspicion, "it moved on meanwhile"))


def _change(
    suspect: Suspect, types: JobTypes, clock: Clock, randomness: Randomness, provenance: Provenance
) -> Change:
    view = suspect.view
    policy = types.policy_of(view.job.job_type)
    requeue = policy.when_lost is WhenLost.REQUEUE
    event: JobEvent
    if suspect.suspicion is Suspicion.ORPHANED:
        event = decisions.orphan(view.job, requeue=requeue)
    elif requeue:
        event = decisions.lose(
            view.job, cause=Cause.STUCK, policy=policy, chance=randomness.chance(), at=clock.now()
        )
    else:
        event = decisions.end_stuck(view.job)
    return Change(job_id=view.job.id, before=view, event=event, provenance=provenance, settles=suspect.msg_id)


def _finding(suspect: Suspect, change: Change) -> Finding:
    return Finding(change.job_id, suspect.suspicion, type(change.event).__name__)


def _record(sweep: Sweep, silent_for_seconds: int) -> RecoverySwept:
    return RecoverySwept(
        scanned=sweep.scanned,
        silent_for_seconds=silent_for_seconds,
        acted_count=len(sweep.acted),
        skipped_count=len(sweep.skipped),
        months_made=sweep.months_made,
        acted=tuple(_told(finding, "event") for finding in sweep.acted[:TOLD]),
        skipped=tuple(_told(finding, "reason") for finding in sweep.skipped[:TOLD]),
    )


def _told(finding: Finding, name: str) -> dict[str, str]:
    return {"job_id": finding.job_id, "suspicion": finding.suspicion.value, name: finding.told}
