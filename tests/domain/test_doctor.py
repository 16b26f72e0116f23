"""What the doctor makes of what it is told."""

from datetime import timedelta

import pytest

from domain.doctor.findings import Verdict
from domain.doctor.store import judge_clock
from domain.doctor.surroundings import judge_keys
from domain.ports.examination import ClockReading
from tests.builders import NOW


def reading(*, skew: float, there: float, back: float) -> ClockReading:
    """A clock that is `skew` seconds ahead of ours, asked over a way of so many seconds."""
    asked = timedelta(seconds=there)
    return ClockReading(NOW, NOW + asked + timedelta(seconds=skew), NOW + asked + timedelta(seconds=back))


def test_an_answer_that_took_long_is_no_clock_that_is_wrong() -> None:
    slow = reading(skew=0, there=0.001, back=40)

    assert judge_clock([slow]).verdict is Verdict.OK
    quick = reading(skew=0, there=0.001, back=0.002)
    assert judge_clock([slow, quick]).told == "The clock here and the database's are less than 0.1 s apart."


@pytest.mark.parametrize(("keys", "told"), [(1, "1 usable key."), (0, "no key"), (2, "2 usable keys.")])
def test_what_is_counted_is_said_as_people_say_it(keys: int, told: str) -> None:
    assert told in judge_keys(keys, issuer="https://issuer.example").told


@pytest.mark.parametrize(
    ("skew", "verdict", "told"),
    [
        (1.5, Verdict.OK, "less than 1.7"),
        (5, Verdict.WARNING, "at least 4.8"),
        (-90, Verdict.ERROR, "at least 89.8"),
    ],
)
def test_a_clock_that_is_wrong_is_seen_through_one_quick_answer(
    skew: float, verdict: Verdict, told: str
) -> None:
    quick = reading(skew=skew, there=0.2, back=0.2)
    found = judge_clock([reading(skew=skew, there=30, back=40), quick, reading(skew=skew, there=5, back=1)])

    assert found.verdict is verdict
    assert told in found.told
