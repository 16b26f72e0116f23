"""Limits and fair shares with one rule taken out, for as long as a test runs: each must be found."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from adapters.in_memory.outbox import InMemoryOutbox
from adapters.in_memory.state import InMemoryState
from domain import fair_shares
from domain.limits import Hold, Kind

Mutation = Callable[[pytest.MonkeyPatch], None]

ADAPTER = "adapters.in_memory.state"


def _with_limits_that(patch: pytest.MonkeyPatch, change: Callable[[Any], Any]) -> None:
    """Have what holds for a scope be changed on its way to who decides by it."""
    find = fair_shares.limit_for

    def limit_for(limits: Any, scope: Any) -> Any:
        return change(find(limits, scope))

    patch.setattr(fair_shares, "limit_for", limit_for)
    patch.setattr(f"{ADAPTER}.limit_for", limit_for)


def without_concurrency(patch: pytest.MonkeyPatch) -> None:
    _with_limits_that(patch, lambda limit: limit._replace(concurrency=None))


def without_rates(patch: pytest.MonkeyPatch) -> None:
    _with_limits_that(patch, lambda limit: limit._replace(rate=None))


def without_weights(patch: pytest.MonkeyPatch) -> None:
    _with_limits_that(patch, lambda limit: limit._replace(weight=None))


def without_pauses(patch: pytest.MonkeyPatch) -> None:
    _with_limits_that(patch, lambda limit: limit._replace(is_paused=False))


def with_one_attempt_too_few(patch: pytest.MonkeyPatch) -> None:
    def less(limit: Any) -> Any:
        return limit._replace(concurrency=max(limit.concurrency - 1, 0)) if limit.concurrency else limit

    _with_limits_that(patch, less)


def with_defaults_before_ones_own(patch: pytest.MonkeyPatch) -> None:
    find = fair_shares.limit_for

    def limit_for(limits: Any, scope: Any) -> Any:
        wider = find(limits, scope and scope._replace(user_id="*", name="*" if scope.name else ""))
        return wider if wider.is_active else find(limits, scope)

    patch.setattr(fair_shares, "limit_for", limit_for)
    patch.setattr(f"{ADAPTER}.limit_for", limit_for)


def without_groups(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(fair_shares.Share, "group_scope", None)


def with_rates_of_one_a_step(patch: pytest.MonkeyPatch) -> None:
    """However many went in a step, one is counted."""
    spend = fair_shares.spend
    patch.setattr(f"{ADAPTER}.spend", lambda limit, **asked: spend(limit, **asked | {"starts": 1}))


def with_rates_that_forget(patch: pytest.MonkeyPatch) -> None:
    """What is owed still is forgotten by the next start."""
    spend = fair_shares.spend
    patch.setattr(f"{ADAPTER}.spend", lambda limit, **asked: spend(limit, **asked | {"spent_until": None}))


def with_priorities_that_never_age(patch: pytest.MonkeyPatch) -> None:
    let_go = InMemoryState.let_go

    def ageless(self: Any, *, aging: timedelta, **rest: Any) -> Any:
        return let_go(self, aging=timedelta(days=365), **rest)

    patch.setattr(InMemoryState, "let_go", ageless)


def with_whoever_came_first(patch: pytest.MonkeyPatch) -> None:
    """As if only queues were paused: no shares."""
    choose = fair_shares.choose

    def in_order(waiting: Any, limiting: Any, *, places: int, now: Any) -> Any:
        chosen = choose(waiting, limiting, places=1_000, now=now)
        return sorted(chosen, key=lambda it: (it.counts_as_due, it.id))[: max(places, 0)]

    patch.setattr(f"{ADAPTER}.choose", in_order)


def with_waiting_messages_not_counted(patch: pytest.MonkeyPatch) -> None:
    """Only what runs is counted, not what is queued."""
    limiting = InMemoryState.limiting

    def running(self: Any) -> Any:
        messages = dict(self.queue)
        try:
            now = self.clock.now()
            self.queue = {key: it for key, it in messages.items() if it.visible_at > now}
            return limiting(self)
        finally:
            self.queue = messages

    patch.setattr(InMemoryState, "limiting", running)


def with_remote_messages_not_counted(patch: pytest.MonkeyPatch) -> None:
    limiting = InMemoryState.limiting

    def local(self: Any) -> Any:
        messages = dict(self.queue)
        try:
            self.queue = {key: it for key, it in messages.items() if it.compute is None}
            return limiting(self)
        finally:
            self.queue = messages

    patch.setattr(InMemoryState, "limiting", local)


def with_retries_that_keep_their_place(patch: pytest.MonkeyPatch) -> None:
    """What waits for its next attempt still counts."""
    limiting = InMemoryState.limiting

    def keeping(self: Any) -> Any:
        told = limiting(self)
        waiting = [
            self.share_of(it.job_id) for it in self.outbox.values() if self.views[it.job_id].job.attempt
        ]
        return told._replace(flying=[*told.flying, *((it.user_id, it.group_key) for it in waiting)])

    patch.setattr(InMemoryState, "limiting", keeping)


def with_lost_attempts_that_count_for_ever(patch: pytest.MonkeyPatch) -> None:
    """Starts are added and ends taken off, as a counter would; nobody takes off what died."""
    limiting = InMemoryState.limiting

    def counted(self: Any) -> Any:
        told = limiting(self)
        lost = [
            self.share_of(stored.recorded.job_id)
            for stored in self.events
            if type(stored.recorded.event).__name__ == "AttemptLost"
        ]
        return told._replace(flying=[*told.flying, *((it.user_id, it.group_key) for it in lost)])

    patch.setattr(InMemoryState, "limiting", counted)


def with_what_is_held_forgotten(patch: pytest.MonkeyPatch) -> None:
    """A held entry is taken out of the outbox, to be put back by nobody."""
    relay = InMemoryOutbox.relay

    async def forgetful(self: Any, **asked: Any) -> Any:
        report = await relay(self, **asked)
        if report.is_limited and not report.moved:
            due = self._state.due_entries(is_remote=False)
            del self._state.outbox[due[-1][0]]
        return report

    patch.setattr(InMemoryOutbox, "relay", forgetful)


def _with_holds_that(patch: pytest.MonkeyPatch, change: Callable[[Any], Any]) -> None:
    held_by = fair_shares.held_by

    def told(share: Any, limiting: Any, now: Any) -> Any:
        hold = held_by(share, limiting, now)
        return change(hold) if hold and hold.limit else hold

    patch.setattr("adapters.in_memory.standings.held_by", told)


def with_holds_that_nobody_explains(patch: pytest.MonkeyPatch) -> None:
    _with_holds_that(patch, lambda _hold: Hold(None))


def with_holds_that_name_somebody_elses_limit(patch: pytest.MonkeyPatch) -> None:
    def another(hold: Any) -> Any:
        return hold._replace(limit=hold.limit._replace(scope=hold.limit.scope._replace(user_id="dora")))

    _with_holds_that(patch, another)


def with_holds_that_count_wrong(patch: pytest.MonkeyPatch) -> None:
    def one_more(hold: Any) -> Any:
        return hold if hold.limit.scope.kind is Kind.QUEUE else hold._replace(taken=hold.taken + 1)

    _with_holds_that(patch, one_more)


def with_rates_that_have_room_later_than_told(patch: pytest.MonkeyPatch) -> None:
    def sooner(hold: Any) -> Any:
        return hold._replace(until=hold.until - timedelta(seconds=0.1)) if hold.until else hold

    _with_holds_that(patch, sooner)


MUTATIONS: list[Mutation] = [
    without_concurrency,
    without_rates,
    without_weights,
    without_pauses,
    with_one_attempt_too_few,
    with_defaults_before_ones_own,
    without_groups,
    with_rates_of_one_a_step,
    with_rates_that_forget,
    with_priorities_that_never_age,
    with_whoever_came_first,
    with_waiting_messages_not_counted,
    with_remote_messages_not_counted,
    with_retries_that_keep_their_place,
    with_lost_attempts_that_count_for_ever,
    with_what_is_held_forgotten,
    with_holds_that_nobody_explains,
    with_holds_that_name_somebody_elses_limit,
    with_holds_that_count_wrong,
    with_rates_that_have_room_later_than_told,
]
