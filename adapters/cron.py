"""Cron expressions by cronsim, which treats changes of the clock as Debian's cron does."""

from datetime import UTC, datetime
from itertools import islice
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

FIELDS = 5


class CronCalendar:
    def after(self, cron: str, time_zone: str, at: datetime, *, limit: int) -> list[datetime]:
        if len(cron.split()) != FIELDS:
            raise ValueError("A cron expression has five fields: minute, hour, day, month, day of the week.")
        try:
            zone = ZoneInfo(time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"There is no time zone {time_zone!r}.") from error
        try:
            times = CronSim(cron, at.astimezone(zone))
        except CronSimError as error:
            raise ValueError(f"{cron!r} is no cron expression: {error}.") from error
        return [found.astimezone(UTC) for found in islice(times, limit)]
