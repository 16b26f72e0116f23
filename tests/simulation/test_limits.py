"""A few seeds of a service with limits, and the proof that a rule taken out would be noticed."""

import os
from collections import Counter
from typing import Any

import pytest

from domain.errors import JobledgerError
from domain.explanation import Reason, explain
from tests.simulation import explanations, limit_mutations
from tests.simulation.invariants import Violation
from tests.simulation.limited import LimitedService

SEEDS = int(os.environ.get("LIMIT_SEEDS", "25"))
MUTANT_SEEDS = 100


def first_failure(seeds: int) -> str | None:
    for seed in range(seeds):
        service = LimitedService(seed)
        try:
            service.run()
        except (Violation, JobledgerError) as violation:
            return f"seed {seed}: {violation}\n" + "\n".join(service.trace[-40:])
    return None


def test_limits_pauses_and_shares_hold_at_every_step() -> None:
    assert first_failure(SEEDS) is None


def test_the_stories_reach_what_they_are_about(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every kind of hold, and every way for an attempt to end."""
    seen: Counter[str] = Counter()

    def noting(*asked: Any) -> Any:
        explained = explain(*asked)
        seen[explained.reason] += 1
        return explained

    monkeypatch.setattr(explanations, "explain", noting)
    for seed in range(12):
        service = LimitedService(seed)
        service.run()
        seen.update(type(stored.recorded.event).__name__ for stored in service.ports.state.events)

    assert set(seen) >= {
        Reason.QUEUE_PAUSED, Reason.CONCURRENCY_LIMIT, Reason.RATE_LIMIT, Reason.AWAITING_TURN,
        "AttemptFailed", "AttemptLost", "AttemptReleased", "AttemptDispatched", "LateResultRejected",
        "JobCompleted", "JobCancelled",
    }  # fmt: skip


@pytest.mark.parametrize("mutation", limit_mutations.MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_the_stories_find_a_mutation(mutation: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    mutation(monkeypatch)

    assert first_failure(MUTANT_SEEDS), f"{mutation.__name__} was not found within {MUTANT_SEEDS} seeds"
