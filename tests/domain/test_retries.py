"""How long a job waits between two tries."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.retries import MAX_DELAY_SECONDS, MAX_FACTOR, RetryPolicy, delay_seconds, next_try_at
from tests.builders import NOW

repeatable = settings(derandomize=True)

policies = st.builds(
    RetryPolicy,
    first_delay_seconds=st.floats(0, MAX_DELAY_SECONDS),
    factor=st.floats(1, MAX_FACTOR),
    max_delay_seconds=st.floats(0, MAX_DELAY_SECONDS),
    jitter=st.floats(0, 1),
)


def test_waits_double_up_to_the_cap() -> None:
    policy = RetryPolicy(first_delay_seconds=1, factor=2, max_delay_seconds=10, jitter=0)

    assert [delay_seconds(policy, spent=n, chance=0.5) for n in range(1, 7)] == [1, 2, 4, 8, 10, 10]


def test_jitter_takes_off_at_most_its_share() -> None:
    policy = RetryPolicy(first_delay_seconds=100, jitter=0.25)

    assert delay_seconds(policy, spent=1, chance=0.0) == 100
    assert delay_seconds(policy, spent=1, chance=1.0) == 75


@repeatable
@given(policies, st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_a_wait_is_never_negative_nor_above_the_cap(policy: RetryPolicy, spent: int, chance: float) -> None:
    assert 0 <= delay_seconds(policy, spent=spent, chance=chance) <= policy.max_delay_seconds


@repeatable
@given(policies, st.integers(1, 100))
def test_without_chance_a_later_wait_is_never_shorter(policy: RetryPolicy, spent: int) -> None:
    first = delay_seconds(policy, spent=spent, chance=0.0)

    assert first <= delay_seconds(policy, spent=spent + 1, chance=0.0)


def test_the_longest_backoff_after_any_number_of_attempts_is_still_a_date() -> None:
    policy = RetryPolicy(
        first_delay_seconds=MAX_DELAY_SECONDS, factor=MAX_FACTOR, max_delay_seconds=MAX_DELAY_SECONDS
    )

    assert (next_try_at(policy, spent=10_000, chance=0.0, at=NOW) - NOW).days == 365


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_attempts": 0},
        {"max_lost_attempts": -1},
        {"first_delay_seconds": -1},
        {"first_delay_seconds": float("nan")},
        {"max_delay_seconds": -1},
        {"max_delay_seconds": float("inf")},
        {"factor": 0.5},
        {"factor": 1e6},
        {"jitter": 1.5},
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        RetryPolicy(**wrong)  # type: ignore[arg-type]  # wrong on purpose
