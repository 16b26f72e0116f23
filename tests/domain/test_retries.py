"""How long a job waits between two tries."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.retries import RetryPolicy, delay_seconds

policies = st.builds(
    RetryPolicy,
    first_delay_seconds=st.floats(0, 100),
    factor=st.floats(1, 10),
    max_delay_seconds=st.floats(0, 10_000),
    jitter=st.floats(0, 1),
)


def test_waits_double_up_to_the_cap() -> None:
    policy = RetryPolicy(first_delay_seconds=1, factor=2, max_delay_seconds=10, jitter=0)

    assert [delay_seconds(policy, spent=n, chance=0.5) for n in range(1, 7)] == [1, 2, 4, 8, 10, 10]


def test_jitter_takes_off_at_most_its_share() -> None:
    policy = RetryPolicy(first_delay_seconds=100, jitter=0.25)

    assert delay_seconds(policy, spent=1, chance=0.0) == 100
    assert delay_seconds(policy, spent=1, chance=1.0) == 75


@given(policies, st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_a_wait_is_never_negative_nor_above_the_cap(policy: RetryPolicy, spent: int, chance: float) -> None:
    assert 0 <= delay_seconds(policy, spent=spent, chance=chance) <= policy.max_delay_seconds


@given(policies, st.integers(1, 100))
def test_without_chance_a_later_wait_is_never_shorter(policy: RetryPolicy, spent: int) -> None:
    first = delay_seconds(policy, spent=spent, chance=0.0)

    assert first <= delay_seconds(policy, spent=spent + 1, chance=0.0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_attempts": 0},
        {"max_lost_attempts": -1},
        {"first_delay_seconds": -1},
        {"factor": 0.5},
        {"jitter": 1.5},
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        RetryPolicy(**wrong)  # type: ignore[arg-type]  # wrong on purpose
