"""When counting lets the work go first."""

from entrypoints.counting import YIELD_SECONDS, Backlog


def test_counting_waits_for_what_may_be_a_backlog_but_not_for_ever() -> None:
    backlog = Backlog()

    assert backlog.goes_before(100.0, now=100.0 + YIELD_SECONDS / 2)
    assert not backlog.goes_before(100.0, now=100.0 + YIELD_SECONDS)


def test_counting_does_not_wait_when_there_is_no_backlog() -> None:
    backlog = Backlog()
    backlog.is_there = False

    assert not backlog.goes_before(100.0, now=100.0)
