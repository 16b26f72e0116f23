"""When a cron expression comes due."""

from datetime import datetime
from typing import Protocol


class Calendar(Protocol):
    def after(self, cron: str, time_zone: str, at: datetime, *, limit: int) -> list[datetime]:
        """The next `limit` times after `at`, in UTC; fewer where the expression knows no more.

        At changes of the clock a time that is left out is made up for right after, and one that comes twice
        counts once, unless the expression asks for every hour. Raises ValueError for what is no expression
        or no time zone.
        """
