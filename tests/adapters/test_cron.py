"""When cron expressions come due, also where clocks change."""

from datetime import UTC, datetime

import pytest

from adapters.cron import CronCalendar

BERLIN = "Europe/Berlin"


def times(cron: str, zone: str, after: datetime, limit: int = 3) -> list[str]:
    return [f"{at:%m-%d %H:%M}" for at in CronCalendar().after(cron, zone, after, limit=limit)]


def test_times_are_read_in_the_zone_and_told_in_utc() -> None:
    assert times("30 2 * * *", BERLIN, datetime(2026, 6, 1, tzinfo=UTC)) == [
        "06-01 00:30", "06-02 00:30", "06-03 00:30",
    ]  # fmt: skip


def test_a_time_that_spring_leaves_out_is_made_up_for_right_after() -> None:
    # On 2026-03-29 the clock goes from 02:00 to 03:00, which is 01:00 UTC.
    assert times("30 2 * * *", BERLIN, datetime(2026, 3, 28, 12, tzinfo=UTC)) == [
        "03-29 01:00", "03-30 00:30", "03-31 00:30",
    ]  # fmt: skip


def test_a_time_that_comes_twice_in_autumn_counts_once() -> None:
    # On 2026-10-25 the hour from 02:00 to 03:00 comes twice.
    assert times("30 2 * * *", BERLIN, datetime(2026, 10, 24, 12, tzinfo=UTC)) == [
        "10-25 00:30", "10-26 01:30", "10-27 01:30",
    ]  # fmt: skip


def test_every_hour_stays_every_hour_when_the_clock_changes() -> None:
    assert times("0 * * * *", BERLIN, datetime(2026, 10, 24, 23, 30, tzinfo=UTC), limit=4) == [
        "10-25 00:00", "10-25 01:00", "10-25 02:00", "10-25 03:00",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("cron", "zone"),
    [
        ("61 * * * *", "UTC"),
        ("0 0 30 2 *", "UTC"),
        ("* * * *", "UTC"),
        ("* * * * * *", "UTC"),
        ("a b c d e", "UTC"),
        ("* * * * *", "Mars/Base"),
        ("* * * * *", "../etc/passwd"),
        ("* * * * *", "/etc/passwd"),
    ],
)
def test_what_is_no_expression_or_no_zone_is_refused(cron: str, zone: str) -> None:
    with pytest.raises(ValueError, match=r"cron|zone"):
        CronCalendar().after(cron, zone, datetime(2026, 1, 1, tzinfo=UTC), limit=1)
