"""The lifecycle table says what the Machine says, and is complete."""

import itertools

import pytest
from transitions import Machine

from domain import lifecycle_checks
from domain.errors import IllegalTransition
from domain.events import EVENT_TYPES, AttemptStarted, JobCompleted
from domain.lifecycle import (
    ENDED,
    LEADS_TO,
    MACHINE,
    NEW,
    RUNNING,
    TABLE,
    TRANSITIONS,
    WAITING,
    Act,
    Guard,
    Move,
    Status,
    allowed,
    find_move,
    is_legal,
)

SOURCES: list[Status | None] = [None, *Status]


class Walker:
    """A model on a Machine of its own, with exactly one guard that holds."""

    def __init__(self, source: Status | None, guard: Guard) -> None:
        self.holds = guard
        self.appended: list[str] = []
        config = [
            {name: value for name, value in transition.items() if name not in ("after", "conditions")}
            | {
                "conditions": [self._asks(transition.get("conditions", Guard.ALWAYS))],
                "after": [self._appends(transition["after"])],
            }
            for transition in TRANSITIONS
        ]
        self.machine = Machine(
            model=self,
            states=[NEW, *(status.value for status in Status)],
            initial=source.value if source else NEW,
            transitions=config,
            auto_transitions=False,
            ignore_invalid_triggers=True,
        )

    def _asks(self, guard: object) -> object:
        return lambda: self.holds == guard

    def _appends(self, event: object) -> object:
        return lambda: self.appended.append(str(event))


@pytest.mark.parametrize(("source", "act", "guard"), list(itertools.product(SOURCES, Act, Guard)))
def test_table_and_machine_agree(source: Status | None, act: Act, guard: Guard) -> None:
    walker = Walker(source, guard)
    walker.trigger(act.value)  # type: ignore[attr-defined]  # added by the Machine
    move = TABLE.get((source, act, guard))
    state = walker.state  # type: ignore[attr-defined]  # added by the Machine

    if move is None:
        assert (walker.appended, state) == ([], source.value if source else NEW)
    else:
        expected = move.dest or source
        assert (walker.appended, state) == ([move.event.__name__], expected.value if expected else NEW)


def test_the_table_has_no_edge_that_the_machine_lacks() -> None:
    assert len(TABLE) == len(MACHINE.get_transitions())


def test_no_state_is_waiting_running_and_ended_at_once() -> None:
    assert sorted([*WAITING, *RUNNING, *ENDED]) == sorted(Status)


def test_an_act_that_has_no_edge_is_refused() -> None:
    with pytest.raises(IllegalTransition, match="completed cannot be asked to retry"):
        find_move(Status.COMPLETED, Act.RETRY)
    assert not allowed(Status.COMPLETED, Act.RETRY)
    assert allowed(Status.PROCESSING, Act.FAIL)


def test_only_what_the_table_knows_is_legal() -> None:
    completed = JobCompleted(attempt=1)

    assert is_legal(Status.PROCESSING, completed)
    assert not is_legal(Status.PENDING, completed)
    assert not is_legal(None, completed)


def test_every_event_type_has_a_schema_version() -> None:
    changed = {name: kind.SCHEMA_VERSION for name, kind in EVENT_TYPES.items() if kind.SCHEMA_VERSION != 1}

    assert changed == {"JobSubmitted": 2}


@pytest.mark.parametrize(
    ("change", "claim"),
    [
        ({(Status.COMPLETED, Act.RETRY, Guard.ALWAYS): Move(AttemptStarted, Status.PROCESSING)}, "completed"),
        ({(Status.FAILED, Act.START, Guard.ALWAYS): Move(AttemptStarted, Status.PROCESSING)}, "failed"),
        ({(Status.CANCELLED, Act.START, Guard.ALWAYS): Move(AttemptStarted, Status.PROCESSING)}, "cancelled"),
        ({(Status.PENDING, Act.LOSE, Guard.ALWAYS): Move(JobCompleted, Status.FAILED)}, "leads to one state"),
    ],
)
def test_a_wrong_table_stops_the_import(
    monkeypatch: pytest.MonkeyPatch, change: dict[tuple[Status, Act, Guard], Move], claim: str
) -> None:
    monkeypatch.setattr(lifecycle_checks, "TABLE", TABLE | change)

    with pytest.raises(AssertionError, match=claim):
        lifecycle_checks.check_lifecycle(frozenset(LEADS_TO))


def test_an_event_that_nobody_folds_stops_the_import() -> None:
    with pytest.raises(AssertionError, match="folded by apply"):
        lifecycle_checks.check_lifecycle(frozenset(set(LEADS_TO) - {JobCompleted}))


def test_a_state_that_cannot_be_reached_stops_the_import(monkeypatch: pytest.MonkeyPatch) -> None:
    without = {key: move for key, move in TABLE.items() if move.dest is not Status.CANCELLING}
    monkeypatch.setattr(lifecycle_checks, "TABLE", without)

    with pytest.raises(AssertionError, match="can be reached"):
        lifecycle_checks.check_lifecycle(frozenset(LEADS_TO))
