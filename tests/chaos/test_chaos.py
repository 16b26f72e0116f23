"""A short run of the chaos; `python -m tests.chaos --seconds 600` is a long one."""

from pathlib import Path

from tests.chaos.chaos import chaos

SECONDS = 20.0


def test_nothing_accepted_is_lost_and_nothing_has_two_outcomes(tmp_path: Path) -> None:
    reckoning = chaos(tmp_path, seconds=SECONDS, seed=1)

    assert reckoning.wrong == []
    assert reckoning.acknowledged > 50
    assert sum(reckoning.faults.values()) >= 5
