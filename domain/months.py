"""Months of submission: a job's id begins with its instant, so its month, in UTC, stands in the id."""

from datetime import UTC, date, datetime

from domain.identifiers import JobId


def month_of(job_id: JobId) -> date:
    """The first day of the month; raises ValueError for what is no UUIDv7 of our time."""
    milliseconds = int(job_id.replace("-", "")[:12], 16)
    return first_of(datetime.fromtimestamp(milliseconds / 1000, UTC).date())


def first_of(day: date) -> date:
    return day.replace(day=1)


def next_month(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def previous_month(month: date) -> date:
    return date(month.year - (month.month == 1), (month.month - 2) % 12 + 1, 1)


def told(month: date) -> str:
    """`2026-01`."""
    return f"{month:%Y-%m}"
