"""Judgements of the store: what it is, who we are there, and whether it is prepared."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from domain.doctor.findings import Finding, error, fine, warning
from domain.ports.examination import ClockReading, StoreFacts

OLDEST_SERVER = 150000
OLDEST_QUEUE = (1, 5, 1)
SKEW_TO_NOTE = timedelta(seconds=2)
SKEW_TO_MEND = timedelta(seconds=30)
ENOUGH_MONTHS = 2


def judge_store(facts: StoreFacts, *, newest_revision: str, says_pooled: bool) -> Iterator[Finding]:
    yield _server(facts)
    yield _pooler(facts, says_pooled=says_pooled)
    yield judge_clock(facts.clock_readings)
    yield _migrations(facts, newest_revision)
    if facts.has_schema:
        yield _role(facts)
        yield _grants(facts)
        yield _partitions(facts)
        yield _queue(facts)


def _server(facts: StoreFacts) -> Finding:
    major = facts.server_version // 10_000
    if facts.server_version < OLDEST_SERVER:
        advice = "PostgreSQL 15 or later is needed: upgrade it."
        return error("database", f"It is PostgreSQL {major}.", advice)
    return fine("database", f"PostgreSQL {major} answers in {facts.took_seconds * 1000:.0f} ms.")


def _pooler(facts: StoreFacts, *, says_pooled: bool) -> Finding:
    if facts.is_behind_pooler and not says_pooled:
        return error(
            "pooler",
            "TRANSACTION_POOLER_URL leads through a pooler, and DATABASE_IS_POOLED says that it does not.",
            "Set DATABASE_IS_POOLED=true: prepared statements break in a pooler's transaction mode.",
        )
    if says_pooled and not facts.is_behind_pooler:
        return warning(
            "pooler",
            "DATABASE_IS_POOLED is true, and there is no pooler.",
            "Set DATABASE_IS_POOLED=false: statements are prepared then, which is faster.",
        )
    return fine("pooler", "There is a pooler, as was said." if says_pooled else "There is none, as was said.")


def judge_clock(readings: Sequence[ClockReading]) -> Finding:
    """By the bounds that all readings leave, as NTP does it: an answer that took long proves nothing."""
    ahead = min(reading.theirs - reading.asked_at for reading in readings)
    behind = min(reading.answered_at - reading.theirs for reading in readings)
    # Negative bounds say that the true difference is at least so large in the other direction.
    apart = max(-ahead, -behind, timedelta(0))
    if apart <= SKEW_TO_NOTE:
        within = max(abs(ahead), abs(behind)).total_seconds()
        return fine(
            "clock", f"The clock here and the database's are less than {max(within, 0.1):.1f} s apart."
        )
    told = f"The clock here and the database's are at least {apart.total_seconds():.1f} s apart."
    advice = "Let both machines keep time (NTP): delays, tokens and the ids of jobs go by these clocks."
    return (error if apart > SKEW_TO_MEND else warning)("clock", told, advice)


def _migrations(facts: StoreFacts, newest: str) -> Finding:
    if not facts.has_schema:
        return error("migrations", "The schema was never made.", "Run `jobledger migrate`.")
    if facts.revision is None:
        return error(
            "migrations",
            f"The schema's revision cannot be read as {facts.role}.",
            "Run `jobledger migrate`, and let the role be a member of jobledger_service.",
        )
    if facts.revision < newest:
        told = f"The schema is at {facts.revision}, this code needs {newest}."
        return error("migrations", told, "Run `jobledger migrate` before the new code serves.")
    if facts.revision > newest:
        told = f"The schema is at {facts.revision}, which is newer than this code ({newest})."
        return warning("migrations", told, "Finish the upgrade: run the newer code everywhere.")
    return fine("migrations", f"The schema is at {newest}, as this code needs it.")


def _role(facts: StoreFacts) -> Finding:
    if facts.role_is_owner:
        return warning(
            "role",
            f"{facts.role} owns the history, and could change it.",
            "Connect as a member of jobledger_service; keep the owner for MIGRATION_URL.",
        )
    return fine("role", f"{facts.role} can add to the history and not change it.")


def _grants(facts: StoreFacts) -> Finding:
    if facts.missing_grants:
        lacking = ", ".join(facts.missing_grants)
        advice = (
            f"As the owner: GRANT jobledger_service TO {facts.role}. Where somebody revoked a grant of that "
            "role itself, grant it again; alembic/sql has all of them."
        )
        return error("grants", f"{facts.role} lacks {lacking}.", advice)
    return fine("grants", f"{facts.role} may do what the service needs.")


def _partitions(facts: StoreFacts) -> Finding:
    if not facts.has_this_month:
        return error(
            "partitions",
            "There is no partition for this month: every submission fails.",
            "As the owner: SELECT jobledger.make_partitions_ahead(3). A relay's sweeps do so by themselves.",
        )
    told = f"{facts.months_ahead} months after this one are prepared."
    advice = "Let a relay run, whose sweeps prepare three, or run `jobledger recover` now."
    if facts.months_ahead < 1:
        return error("partitions", told, advice)
    if facts.months_ahead < ENOUGH_MONTHS:
        return warning("partitions", told, advice)
    return fine("partitions", told)


def _queue(facts: StoreFacts) -> Finding:
    if not facts.has_queue:
        advice = (
            "As the owner: SELECT pgmq.create('job_queue'), and its grants of alembic/sql/0001_grants.sql; "
            "then `jobledger recover` takes up the jobs that were in it."
        )
        return error("queue", "There is no queue `job_queue`: jobs are accepted and none runs.", advice)
    if facts.queue_version and _numbers(facts.queue_version) < OLDEST_QUEUE:
        advice = "ALTER EXTENSION pgmq UPDATE: 1.5.1 or later is needed."
        return error("queue", f"It is PGMQ {facts.queue_version}.", advice)
    return fine("queue", f"PGMQ {facts.queue_version or '(installed from SQL)'} has `job_queue`.")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())
