"""How long a call works that nothing resident stands behind: while there is work, and then it is gone."""

from domain.ports.system import Clock

AT_MOST_SECONDS = 55.0
"""A little less than a minute, because the schedule starts the next one then."""
POLL_SECONDS = 0.25


class Shift:
    """It is over when there was nothing to do for `idle_seconds`, or a minute is over."""

    def __init__(self, clock: Clock, *, idle_seconds: float) -> None:
        self._clock = clock
        self._idle_seconds = idle_seconds
        self._began = self._worked = clock.now()

    async def goes_on(self, *, worked: bool) -> bool:
        """Whether to look once more, after a moment; `worked`: the last look found something to do."""
        now = self._clock.now()
        if worked:
            self._worked = now
        is_over = (now - self._began).total_seconds() > AT_MOST_SECONDS
        if is_over or (now - self._worked).total_seconds() > self._idle_seconds:
            return False
        await self._clock.sleep(POLL_SECONDS)
        return True
