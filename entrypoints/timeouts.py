"""Stopping attempts whose time is over."""

import asyncio
import math
import time

from domain.attempts import Attempt, StopReason


class Timeouts:
    """One timer for all of a worker's attempts: one for each costs as much as the task that runs it."""

    def __init__(self) -> None:
        self._ends: dict[Attempt, float] = {}
        self._rings_at = math.inf
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, attempt: Attempt, *, seconds: float) -> None:
        """Stop the attempt after `seconds`, unless it is let go before."""
        end = time.monotonic() + seconds
        self._ends[attempt] = end
        if end < self._rings_at:
            self._ring_at(end)

    def let_go(self, attempt: Attempt) -> None:
        self._ends.pop(attempt, None)

    def _ring_at(self, end: float) -> None:
        if self._timer:
            self._timer.cancel()
        self._rings_at = end
        self._timer = asyncio.get_running_loop().call_later(end - time.monotonic(), self._ring)

    def _ring(self) -> None:
        # A loop's timer may ring a moment early.
        now = max(time.monotonic(), self._rings_at)
        over = [attempt for attempt, end in self._ends.items() if end <= now]
        self._timer, self._rings_at = None, math.inf
        for attempt in over:
            self.let_go(attempt)
            attempt.stop(StopReason.TIMED_OUT)
        if self._ends:
            self._ring_at(min(self._ends.values()))
