"""An autoscaler is told enough, at once when there is more to do, and late when there is less."""

from datetime import timedelta

from domain.scaling import Load, Steady, wanted_workers
from tests.builders import NOW

MINUTE = timedelta(minutes=1)


def load(**given: float) -> Load:
    usual = {"backlog": 0, "oldest_due_seconds": 0.0, "running": 0, "workers": 2, "capacity": 20}
    return Load(**(usual | given))  # type: ignore[arg-type]


def wanted(**given: float) -> int:
    return wanted_workers(load(**given), target_seconds=30, usual_capacity=10)


def test_workers_are_wanted_for_all_that_runs_or_is_due_with_some_room() -> None:
    assert wanted(backlog=30, running=10) == 5


def test_nothing_to_do_wants_nobody() -> None:
    assert wanted() == 0


def test_one_job_wants_one_worker_when_none_lives() -> None:
    assert wanted(backlog=1, workers=0, capacity=0) == 1


def test_a_backlog_that_is_too_old_wants_more_than_there_are_though_there_would_be_room() -> None:
    assert wanted(backlog=1, oldest_due_seconds=45.0, workers=4, capacity=4000) == 6


def test_a_backlog_however_old_doubles_the_workers_at_most() -> None:
    assert wanted(backlog=1, oldest_due_seconds=9999.0, workers=4, capacity=4000) == 8


def test_an_old_backlog_wants_a_worker_where_there_is_none() -> None:
    assert wanted(backlog=1, oldest_due_seconds=9999.0, workers=0, capacity=0) == 2


def test_a_suggestion_rises_at_once_and_falls_after_a_calm_window() -> None:
    steady = Steady(least=0, most=100)
    at = NOW
    suggested = []
    for wish in (1, 8, 1, 1, 1, 1, 1, 1, 1):
        suggested.append(steady.suggest(wish, living=1, at=at))
        at += MINUTE

    assert suggested == [1, 8, 8, 8, 8, 8, 8, 1, 1]


def test_nobody_is_sent_away_before_a_whole_window_was_watched() -> None:
    steady = Steady(least=0, most=100)
    suggested = [steady.suggest(0, living=7, at=NOW + minutes * MINUTE) for minutes in range(7)]

    assert suggested == [7, 7, 7, 7, 7, 0, 0]


def test_a_suggestion_stays_between_its_bounds() -> None:
    steady = Steady(least=2, most=5)

    assert steady.suggest(0, living=0, at=NOW) == 2
    assert steady.suggest(50, living=0, at=NOW) == 5
