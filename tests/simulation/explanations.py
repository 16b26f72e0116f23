"""Whether `explain` says of each job that was left behind what truly holds it."""

from collections.abc import Sequence
from datetime import timedelta

from domain.explanation import Patience, Reason, explain
from domain.limits import Hold, Kind, Limit, Scope, group, user
from domain.ports.standings import Standings
from tests.simulation.invariants import Violation
from tests.simulation.limit_rules import A_LITTLE, Entry, Rules

PATIENCE = Patience(timedelta(seconds=30), timedelta(hours=1), timedelta(minutes=15))
HELD = {Reason.QUEUE_PAUSED, Reason.CONCURRENCY_LIMIT, Reason.RATE_LIMIT}
LOOKED_AT = 6


async def check_explanations(standings: Standings, rules: Rules, left: Sequence[Entry]) -> None:
    flying = rules.flying()
    for entry in left[:LOOKED_AT]:
        standing = await standings.of(entry.job_id)
        if standing is None or standing.hold is None:
            raise Violation(entry.job_id, "a due job has an explanation that knows of limits")
        reason = explain(standing, PATIENCE).reason
        holds = rules.holds(entry, flying)
        if holds is not None and (reason in HELD) != bool(holds):
            raise Violation(entry.job_id, "explain says that a job is held exactly when it is")
        hold = standing.hold
        if hold.limit is None:
            continue
        if holds is not None and hold.limit not in holds:
            raise Violation(entry.job_id, "explain names a limit that holds the job")
        _check_what_is_told(entry, rules, hold, hold.limit, reason)


def _check_what_is_told(entry: Entry, rules: Rules, hold: Hold, limit: Limit, reason: Reason) -> None:
    if limit.is_paused:
        expected = Reason.QUEUE_PAUSED
    else:
        expected = Reason.RATE_LIMIT if hold.until else Reason.CONCURRENCY_LIMIT
        of: Scope = user(entry.user_id) if limit.scope.kind is Kind.USER else group(*entry.lane)
        found = {scope: taken for scope, _, taken in rules.scopes(entry.lane, rules.flying())}
        if hold.taken != found[of]:
            raise Violation(entry.job_id, "explain counts what is taken of the limit")
        if hold.until:
            bucket = rules.bucket(of, limit)
            before = bucket.tokens(hold.until - timedelta(milliseconds=1))
            if (
                bucket.is_known(hold.until)
                and not before < 1 - A_LITTLE < bucket.tokens(hold.until) + A_LITTLE * 2
            ):
                raise Violation(entry.job_id, "explain knows when the rate has room")
    if reason is not expected:
        raise Violation(entry.job_id, "explain tells pauses, rates and concurrency apart")
