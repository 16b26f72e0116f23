"""How often a job is tried, and how long it waits in between."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class WhenLost(StrEnum):
    """What recovery does with a job that is stuck or orphaned."""

    FAIL = "fail"
    REQUEUE = "requeue"


MAX_FACTOR = 100
MAX_DELAY_SECONDS = 365 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Two budgets and one backoff.

    `max_attempts` counts attempts that failed or timed out, `max_lost_attempts` those that crashed, were
    preempted or let their lease lapse; releases count for nothing. The n-th wait is
    `first_delay_seconds * factor**(n-1)`, or the n-th of `delays_seconds` where they are given (the last one
    for ever); at most `max_delay_seconds`, of which up to the share `jitter` is taken off at random, so that
    jobs that failed together do not return together.
    """

    max_attempts: int = 3
    max_lost_attempts: int = 3
    first_delay_seconds: float = 1.0
    factor: float = 2.0
    max_delay_seconds: float = 3600.0
    jitter: float = 0.25
    when_lost: WhenLost = WhenLost.FAIL
    delays_seconds: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.max_attempts < 1 or self.max_lost_attempts < 0:
            raise ValueError("max_attempts must be at least 1 and max_lost_attempts at least 0")
        # Bounded, because a wait that no calendar holds would fail only when an attempt has failed.
        if not (0 <= self.first_delay_seconds <= MAX_DELAY_SECONDS):
            raise ValueError("first_delay_seconds must be between 0 and a year")
        if not (0 <= self.max_delay_seconds <= MAX_DELAY_SECONDS):
            raise ValueError("max_delay_seconds must be between 0 and a year")
        if not all(0 <= delay <= MAX_DELAY_SECONDS for delay in self.delays_seconds):
            raise ValueError("delays_seconds must be between 0 and a year")
        if not (1 <= self.factor <= MAX_FACTOR and 0 <= self.jitter <= 1):
            raise ValueError("factor must be between 1 and 100, and jitter between 0 and 1")


def delay_seconds(policy: RetryPolicy, *, spent: int, chance: float) -> float:
    """Seconds to wait after `spent` attempts of a budget; `chance` in [0, 1) draws the jitter."""
    if policy.delays_seconds:
        full = policy.delays_seconds[min(spent, len(policy.delays_seconds)) - 1]
    else:
        # A float power overflows after about a thousand doublings; no cap is that far away.
        full = policy.first_delay_seconds * policy.factor ** min(spent - 1, 64)
    return min(full, policy.max_delay_seconds) * (1 - policy.jitter * chance)


def next_try_at(policy: RetryPolicy, *, spent: int, chance: float, at: datetime) -> datetime:
    """When the job is due again, after `spent` attempts of the budget were used up."""
    return at + timedelta(seconds=delay_seconds(policy, spent=spent, chance=chance))
