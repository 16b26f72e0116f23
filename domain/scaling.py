"""How many workers there should be: for an autoscaler, so it errs to the side of too many.

It never follows one look: what is suggested is the most that any look within a window wanted, and never fewer
than there are before a whole window was watched.
"""

from collections import deque
from datetime import datetime, timedelta
from math import ceil
from typing import NamedTuple

STABLE_FOR = timedelta(minutes=5)
# Attempts end and begin all the time: workers that are this full are as busy as they should be.
FULLNESS = 0.8
# A backlog that is too old at most doubles the workers, whose effect is to be seen first.
GROWTH = 2.0


class Load(NamedTuple):
    """What there is to do, and who does it; `capacity` is how many attempts the living workers may run."""

    backlog: int
    oldest_due_seconds: float
    running: int
    workers: int
    capacity: int


def wanted_workers(load: Load, *, target_seconds: float, usual_capacity: int) -> int:
    """Workers for all that runs or is due; more than there are while due jobs wait longer than the target.

    `usual_capacity` is one worker's where none lives that could be asked.
    """
    each = load.capacity / load.workers if load.workers and load.capacity else usual_capacity
    for_work = ceil((load.running + load.backlog) / (each * FULLNESS))
    if load.backlog and load.oldest_due_seconds > target_seconds:
        growth = min(GROWTH, load.oldest_due_seconds / target_seconds)
        return max(for_work, ceil(max(load.workers, 1) * growth))
    return for_work


class Steady:
    """Suggestions that go up at once and come down when nothing wanted as many for a while."""

    def __init__(self, *, least: int, most: int) -> None:
        self._least = least
        self._most = most
        self._began_at: datetime | None = None
        self._wanted: deque[tuple[datetime, int]] = deque()

    def suggest(self, wanted: int, *, living: int, at: datetime) -> int:
        self._began_at = self._began_at or at
        self._wanted.append((at, wanted))
        while self._wanted[0][0] < at - STABLE_FOR:
            self._wanted.popleft()
        suggested = max(count for _, count in self._wanted)
        if at - self._began_at < STABLE_FOR:
            suggested = max(suggested, living)
        return min(max(suggested, self._least), self._most)
