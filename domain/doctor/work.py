"""Judgements of the work: whether what is accepted moves on."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from domain.doctor.findings import Finding, counted, error, fine, warning
from domain.ports.job_statistics import QueueDepth
from domain.ports.vitals import Vitals
from domain.ports.workers import LivingWorker

RELAY_SLOW = timedelta(seconds=10)
RELAY_GONE = timedelta(seconds=60)
BEHIND = timedelta(seconds=60)
ONCE_A_MINUTE = timedelta(seconds=90)
LONG_TRANSACTION = timedelta(minutes=15)
MANY_DEAD_ROWS = 100_000
RELAY_ADVICE = "See whether a relay runs (`jobledger relay`, or `keep_up` on Modal), and its log."


def judge_work(
    vitals: Vitals,
    depth: QueueDepth,
    workers: Sequence[LivingWorker],
    *,
    job_types: Sequence[str],
    sweep_minutes: float,
    comes_and_goes: bool = False,
) -> Iterator[Finding]:
    """`comes_and_goes`: what relays, counts and seals may be there for moments only, once a minute."""
    slack = ONCE_A_MINUTE if comes_and_goes else timedelta(0)
    yield _relay(vitals, depth, slack)
    yield _workers(vitals, depth, workers)
    yield _served(workers, job_types)
    yield _sweeps(vitals, sweep_minutes)
    yield _statistics(vitals, slack)
    yield _ledger(vitals, slack)
    yield _parked(vitals)
    yield _transactions(vitals)
    yield _vacuum(vitals)


def _age(vitals: Vitals, at: datetime | None) -> timedelta:
    return max(timedelta(0), vitals.read_at - at) if at else timedelta(0)


def _relay(vitals: Vitals, depth: QueueDepth, slack: timedelta) -> Finding:
    lag = _age(vitals, vitals.overdue_since(depth.oldest_due_at))
    due = counted(vitals.due + vitals.due_remote, "due entry waits", "due entries wait")
    told = f"{due} in the outbox, for {_short(lag)} at most."
    if vitals.held and vitals.held.jobs:
        held_for = _short(_age(vitals, vitals.held.oldest_at))
        told += f" Limits and pauses hold {vitals.held.jobs}, the first for {held_for}."
    if lag > RELAY_GONE + slack:
        return error("relay", told, RELAY_ADVICE)
    return warning("relay", told, RELAY_ADVICE) if lag > RELAY_SLOW + slack else fine("relay", told)


def _workers(vitals: Vitals, depth: QueueDepth, workers: Sequence[LivingWorker]) -> Finding:
    living = len(workers)
    capacity = sum(worker.presence.concurrency for worker in workers)
    alive = counted(living, "worker lives", "workers live")
    waiting = counted(depth.visible, "message waits", "messages wait")
    told = f"{alive}, for {capacity} attempts at once; {waiting} in the queue."
    advice = "Start some with `jobledger worker`; `/metrics/scaling` says how many."
    if not living and (depth.visible or vitals.workable):
        return error("workers", told, advice)
    return fine("workers", told) if living else warning("workers", told, advice)


def _served(workers: Sequence[LivingWorker], job_types: Sequence[str]) -> Finding:
    served = {name for worker in workers for name in worker.presence.job_types}
    unserved = sorted(set(job_types) - served)
    if workers and unserved:
        return error(
            "job types",
            f"No living worker serves {', '.join(unserved)}.",
            "Start workers with the same JOB_MODULES as here, or newer code.",
        )
    return fine("job types", f"Known here: {', '.join(sorted(job_types))}.")


def _sweeps(vitals: Vitals, sweep_minutes: float) -> Finding:
    if vitals.last_sweep_at is None:
        advice = "Every relay sweeps at its start; `jobledger recover` does now."
        return warning("recovery", "No sweep was ever made.", advice)
    age = _age(vitals, vitals.last_sweep_at)
    told = f"The last sweep was {_short(age)} ago."
    if age > timedelta(minutes=3 * sweep_minutes):
        return warning("recovery", told, RELAY_ADVICE)
    return fine("recovery", told)


def _statistics(vitals: Vitals, slack: timedelta) -> Finding:
    lag = _age(vitals, vitals.oldest_uncounted_at)
    told = f"Counts are {_short(lag)} behind the events."
    return warning("statistics", told, RELAY_ADVICE) if lag > BEHIND + slack else fine("statistics", told)


def _ledger(vitals: Vitals, slack: timedelta) -> Finding:
    lag = _age(vitals, vitals.oldest_unsealed_at)
    told = (
        f"{vitals.ledger_size} events are sealed and {vitals.signed_size} signed; "
        f"the events are {_short(lag)} ahead."
    )
    advice = "See whether a sealer runs (`jobledger seal`, or `seal` on Modal): nothing is proven meanwhile."
    return error("ledger", told, advice) if lag > BEHIND + slack else fine("ledger", told)


def _parked(vitals: Vitals) -> Finding:
    told = f"{vitals.parked} messages or entries are parked."
    advice = "SELECT * FROM jobledger.parked: `error` says what is wrong with each."
    return warning("parked", told, advice) if vitals.parked else fine("parked", told)


def _transactions(vitals: Vitals) -> Finding:
    age = _age(vitals, vitals.oldest_transaction_at)
    told = f"The oldest open transaction that can be seen is {_short(age)} old."
    if age > LONG_TRANSACTION:
        advice = "Find it in pg_stat_activity and end it: vacuum cannot clean the queue, and reads slow down."
        return warning("transactions", told, advice)
    return fine("transactions", told)


def _vacuum(vitals: Vitals) -> Finding:
    bad = {table: rows for table, rows in vitals.dead_rows.items() if rows > MANY_DEAD_ROWS}
    if bad:
        told = ", ".join(f"{table} has {rows} dead rows" for table, rows in sorted(bad.items()))
        advice = "See whether autovacuum is on, and whether an old transaction holds it back."
        return warning("vacuum", f"{told}.", advice)
    return fine("vacuum", "Vacuum keeps up.")


def _short(age: timedelta) -> str:
    return str(timedelta(seconds=round(age.total_seconds())))
