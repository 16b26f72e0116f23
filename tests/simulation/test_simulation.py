"""A few hundred seeds, and the proof that the simulator would notice."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from adapters.in_memory.event_store import InMemoryEventStore
from adapters.in_memory.job_queue import InMemoryJobQueue
from domain.errors import JobledgerError
from domain.ports.event_store import Appended
from domain.use_cases import claim, settle
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
        simulator = Simulator(seed, jobs=3 + seed % 5, faults=0.02)
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
        simulator = Simulator(seed, faults=0.02)
        simulator.run()
        seen |= {type(stored.recorded.event).__name__ for stored in simulator.ports.state.events}
        seen |= {line.split()[-1] for line in simulator.trace if line.endswith(("killed", "freezes"))}
        if simulator.ports.state.effects:
            seen.add("effects")

    assert seen >= {
        "killed", "freezes", "effects", "AttemptLost", "AttemptFailed", "AttemptReleased", "JobFailed",
        "JobCancelled", "CancellationRequested", "LateResultRejected", "JobRetried", "ProgressReported",
    }  # fmt: skip


@contextmanager
def without_the_version_check(patch: pytest.MonkeyPatch) -> Iterator[None]:
    def append(self: Any, change: Any) -> Any:
        return Appended(self._commit(change, self._state.next_id()))

    patch.setattr(InMemoryEventStore, "_append", append)
    yield


@contextmanager
def without_the_fence(patch: pytest.MonkeyPatch) -> Iterator[None]:
    def decide(item: Any, types: Any, randomness: Any, clock: Any) -> Any:
        return settle._event(item.attempt.view.job, item.outcome, types, randomness, clock)

    patch.setattr(settle, "_decide", decide)
    yield


@contextmanager
def with_the_message_deleted_before_the_commit(patch: pytest.MonkeyPatch) -> Iterator[None]:
    commit = InMemoryEventStore._append

    def append(self: Any, change: Any) -> Any:
        if change.settles is not None:
            self._state.queue.pop(change.settles, None)
        return commit(self, change)

    patch.setattr(InMemoryEventStore, "_append", append)
    yield


@contextmanager
def without_the_redelivery_guard(patch: pytest.MonkeyPatch) -> Iterator[None]:
    patch.setattr(claim, "_is_lapsed", lambda _view, _delivery: False)
    yield


@contextmanager
def with_zombies_that_keep_their_successors_lease(patch: pytest.MonkeyPatch) -> Iterator[None]:
    async def receive(self: Any, *, limit: int, lease_seconds: int) -> Any:
        deliveries = await original(self, limit=limit, lease_seconds=lease_seconds)
        for delivery in deliveries:
            self._state.queue[delivery.msg_id].read_ct = 1
        return [delivery._replace(read_ct=1) for delivery in deliveries]

    original = InMemoryJobQueue.receive
    patch.setattr(InMemoryJobQueue, "receive", receive)
    yield


@pytest.mark.parametrize(
    "mutation",
    [
        without_the_version_check,
        without_the_fence,
        with_the_message_deleted_before_the_commit,
        without_the_redelivery_guard,
        with_zombies_that_keep_their_successors_lease,
    ],
)
def test_the_simulator_finds_a_mutation(mutation: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with mutation(monkeypatch):
        failure = first_failure(MUTANT_SEEDS)

    assert failure is not None, f"{mutation.__name__} was not found within {MUTANT_SEEDS} seeds"
