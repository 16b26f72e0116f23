"""A few hundred seeds, and the proof that the simulator would notice."""

import os
from typing import Any

import pytest

from domain.errors import JobledgerError
from tests.simulation import mutations
from tests.simulation.invariants import Violation
from tests.simulation.simulator import Simulator

SEEDS = int(os.environ.get("SIMULATION_SEEDS", "300"))
MUTANT_SEEDS = 200


Failure = Violation | JobledgerError


def story(seed: int, violation: Failure, trace: list[str]) -> str:
    return f"seed {seed}: {violation}\n" + "\n".join(trace[-40:])


def first_failure(seeds: int) -> tuple[int, Failure, list[str]] | None:
    """The shortest story among the first few failing seeds, None when all hold."""
    found: list[tuple[int, Failure, list[str]]] = []
    for seed in range(seeds):
        simulator = Simulator(seed, jobs=3 + seed % 5, faults=0.02, culprits=seed % 3)
        try:
            simulator.run()
        except (Violation, JobledgerError) as violation:
            found.append((seed, violation, simulator.trace))
            if len(found) == 5:
                break
    return min(found, key=lambda failure: len(failure[2]), default=None)


def test_every_promise_holds_under_every_seed() -> None:
    failure = first_failure(SEEDS)

    assert failure is None, story(*failure) if failure else ""


def test_the_same_seed_gives_the_same_trace() -> None:
    assert Simulator(7).run() == Simulator(7).run()
    assert Simulator(7).run() != Simulator(8).run()


def test_the_simulation_reaches_what_it_is_about() -> None:
    """Kills, freezes, lost attempts, late results, cancellations and retries do happen."""
    seen: set[str] = set()
    for seed in range(60):
        simulator = Simulator(seed, faults=0.02, culprits=seed % 2)
        simulator.run()
        seen |= {type(stored.recorded.event).__name__ for stored in simulator.ports.state.events}
        seen |= {
            line.split()[-1]
            for line in simulator.trace
            if line.endswith(("killed", "freezes", "brought-down"))
        }
        if simulator.ports.state.effects:
            seen.add("effects")

    assert seen >= {
        "killed", "freezes", "brought-down", "effects",
        "AttemptLost", "AttemptFailed", "AttemptReleased", "JobFailed",
        "JobCancelled", "CancellationRequested", "LateResultRejected", "JobRetried", "ProgressReported",
    }  # fmt: skip


@pytest.mark.parametrize("mutation", mutations.SIMULATED, ids=lambda mutation: mutation.__name__)
def test_the_simulator_finds_a_mutation(mutation: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    mutation(monkeypatch)
    failure = first_failure(MUTANT_SEEDS)

    assert failure is not None, f"{mutation.__name__} was not found within {MUTANT_SEEDS} seeds"
