"""Proofs about the lifecycle table that hold before anything runs; `domain.job` makes them at import."""

from domain.events import EVENT_TYPES, JobEvent, JobSubmitted
from domain.lifecycle import LEADS_TO, TABLE, Act, Status


def check_lifecycle(applied: frozenset[type[JobEvent]]) -> None:
    """Raise AssertionError unless the table is complete; `applied` are the event types `apply` folds."""
    _check(set(EVENT_TYPES.values()) == set(LEADS_TO), "every event type stands on an edge, and only those")
    _check(applied == set(LEADS_TO), "every event on an edge is folded by apply")
    _check(_exits(Status.COMPLETED) == set(), "completed has no exit")
    _check(_exits(Status.FAILED) == {Act.RETRY}, "failed leaves only by retry")
    _check(_exits(Status.CANCELLED) == {Act.RETRY}, "cancelled leaves only by retry")
    _check(_reachable() == set(Status), "every state can be reached")
    for move in TABLE.values():
        leads_once = move.event is JobSubmitted or LEADS_TO[move.event] == move.dest
        _check(leads_once, f"{move.event.__name__} leads to one state, so that a fold needs no table")


def _check(holds: bool, claim: str) -> None:
    if not holds:
        raise AssertionError(f"the lifecycle table is wrong: {claim} does not hold")


def _exits(status: Status) -> set[Act]:
    return {act for (source, act, _), move in TABLE.items() if source is status and move.dest}


def _reachable() -> set[Status]:
    reached: set[Status | None] = {None}
    while True:
        more = {move.dest for (source, _, _), move in TABLE.items() if source in reached and move.dest}
        if more <= reached:
            return {status for status in reached if status}
        reached |= more
