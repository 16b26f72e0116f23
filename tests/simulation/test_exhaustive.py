"""All there is to see of one job, and the proof that the search would notice."""

from typing import Any

import pytest

from domain.errors import JobledgerError
from tests.simulation import mutations
from tests.simulation.exhaustive import search
from tests.simulation.invariants import Violation


def test_every_promise_holds_in_every_state() -> None:
    seen = search()

    assert seen.states > 10_000
    assert seen.happened >= {
        "client cancels", "client retries", "relay sends", "lease lapses", "worker receives", "worker dies",
        "worker starts", "worker loses the claim", "worker finds a lost attempt",
        "worker deletes a finished message", "function ends", "function stops", "worker gives up",
        "worker finds its outcome stale", "worker looks again", "worker settles JobCompleted",
        "worker settles AttemptFailed", "worker settles JobFailed", "worker settles AttemptReleased",
        "worker settles JobCancelled", "worker settles LateResultRejected",
    }  # fmt: skip


@pytest.mark.parametrize("mutation", mutations.EXHAUSTIVE, ids=lambda mutation: mutation.__name__)
def test_the_search_finds_a_mutation(mutation: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    mutation(monkeypatch)

    with pytest.raises((Violation, JobledgerError)):
        search()
