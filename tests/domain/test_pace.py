"""A worker that takes on too much slows down until it can keep what it has."""

from hypothesis import given
from hypothesis import strategies as st

from domain.pace import Pace


def test_a_worker_begins_at_its_full_concurrency() -> None:
    assert Pace(1500).limit == 1500


def test_lost_leases_halve_what_was_held() -> None:
    pace = Pace(1500)
    pace.lost(held=400)
    assert pace.limit == 200


def test_it_never_stops_taking_jobs() -> None:
    pace = Pace(8)
    for _ in range(10):
        pace.lost(held=1)
    assert pace.limit == 1


def test_it_comes_back_to_full_concurrency_while_leases_are_kept() -> None:
    pace = Pace(1500)
    pace.lost(held=1)
    for _ in range(20):
        pace.kept()
    assert pace.limit == 1500


@given(capacity=st.integers(1, 1000), most=st.integers(1, 10_000))
def test_it_settles_around_what_the_machine_can_serve(capacity: int, most: int) -> None:
    pace = Pace(most)
    served = []
    for _ in range(100):
        held = pace.limit
        if held > capacity:
            pace.lost(held=held)
        else:
            served.append(held)
            pace.kept()
    assert len(served) >= 40
    assert max(served) >= min(capacity, most) / 3
