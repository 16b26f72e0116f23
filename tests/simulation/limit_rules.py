"""What limits, pauses and fair shares promise of one step that lets jobs go, in words of their own.

Nothing here asks `domain.fair_shares`: what holds for whom, how much room is left and whose turn it is are
stated anew, as simply as can be.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from adapters.in_memory.state import InMemoryState
from domain.identifiers import JobId, MessageId
from domain.limits import Kind, Limit, Scope, group, queue, user
from domain.views import JobView
from tests.simulation.invariants import Violation

A_LITTLE = 1e-6


class Entry(NamedTuple):
    """A due entry of the outbox; `counts_as_due` is earlier for each step of its priority."""

    id: int
    job_id: JobId
    queue: str
    user_id: str
    group_key: str
    counts_as_due: datetime

    @property
    def lane(self) -> tuple[str, str]:
        return self.user_id, self.group_key


class Bucket:
    """Tokens of a rate, of which each start takes one; what is left is not known at first."""

    def __init__(self, limit: Limit, known_at: datetime) -> None:
        assert limit.rate
        self.rate = limit.rate
        # What was spent under another rate counts still: nothing is said before that has run out.
        self._known_at = self._at = known_at
        self._tokens: float = limit.rate.burst

    def is_known(self, now: datetime) -> bool:
        return now >= self._known_at

    def tokens(self, now: datetime) -> float:
        gained = (now - self._at).total_seconds() * self.rate.starts / self.rate.per_seconds
        return min(self.rate.burst, self._tokens + gained)

    def take(self, now: datetime) -> None:
        if self.is_known(now):
            self._tokens, self._at = self.tokens(now) - 1, now
        else:
            self._known_at += timedelta(seconds=self.rate.per_seconds / self.rate.starts)
            self._at = self._known_at


def limit_of_user(limits: Mapping[Scope, Limit], user_id: str) -> Limit | None:
    return _first(limits, user(user_id), user("*"))


def limit_of_group(limits: Mapping[Scope, Limit], user_id: str, group_key: str) -> Limit | None:
    if not group_key:
        return None
    return _first(limits, group(user_id, group_key), group(user_id, "*"), group("*", "*"))


def is_paused(limits: Mapping[Scope, Limit], name: str) -> bool:
    found = limits.get(queue(name))
    return found is not None and found.is_paused


def _first(limits: Mapping[Scope, Limit], *scopes: Scope) -> Limit | None:
    for scope in scopes:
        limit = limits.get(scope)
        if limit and (limit.concurrency, limit.rate, limit.weight) != (None, None, None):
            return limit
    return None


class Rules:
    """Follows what flies and what is spent, and judges each step."""

    def __init__(self, state: InMemoryState) -> None:
        self._state = state
        self._buckets: dict[Scope, Bucket] = {}

    def job_of(self, msg_id: MessageId) -> JobId:
        return JobId(json.loads(self._state.queue[msg_id].body)["job_id"])

    def flying(self) -> Counter[tuple[str, str]]:
        """How many messages each user's groups have in the queue."""
        return Counter(self._lane(self._state.views[self.job_of(msg_id)]) for msg_id in self._state.queue)

    def due(self, *, is_remote: bool, aging: timedelta) -> list[Entry]:
        state, now = self._state, self._state.clock.now()
        found = []
        for key, entry in state.outbox.items():
            view = state.views[entry.job_id]
            if entry.available_at <= now and (view.job.job_type == "remote_task") is is_remote:
                counts_as_due = entry.available_at - entry.priority * aging
                found.append(Entry(key, entry.job_id, view.job.job_type, *self._lane(view), counts_as_due))
        return found

    def _lane(self, view: JobView) -> tuple[str, str]:
        return view.job.user_id, view.group_key or ""

    def scopes(
        self, lane: tuple[str, str], flying: Counter[tuple[str, str]]
    ) -> Iterator[tuple[Scope, Limit, int]]:
        """The limits of a user and their group that hold for these, with how much of each is taken."""
        limits = self._state.limits
        if limit := limit_of_user(limits, lane[0]):
            of_user = sum(number for (user_id, _), number in flying.items() if user_id == lane[0])
            yield user(lane[0]), limit, of_user
        if limit := limit_of_group(limits, *lane):
            yield group(*lane), limit, flying[lane]

    def holds(self, entry: Entry, flying: Counter[tuple[str, str]]) -> list[Limit] | None:
        """The limits that keep the entry from going; None where what is left of a rate is not known."""
        now, found = self._state.clock.now(), list[Limit]()
        if is_paused(self._state.limits, entry.queue):
            found.append(self._state.limits[queue(entry.queue)])
        for scope, limit, taken in self.scopes(entry.lane, flying):
            if limit.concurrency is not None and taken >= limit.concurrency:
                found.append(limit)
            elif limit.rate:
                bucket = self.bucket(scope, limit)
                if not bucket.is_known(now):
                    return found or None
                if bucket.tokens(now) < 1 - A_LITTLE:
                    found.append(limit)
        return found

    def bucket(self, scope: Scope, limit: Limit) -> Bucket:
        kept = self._buckets.get(scope)
        if kept is None or kept.rate != limit.rate:
            now = self._state.clock.now()
            kept = self._buckets[scope] = Bucket(limit, max(self._state.spent_until.get(scope, now), now))
        return kept

    def look_at_rates(self) -> None:
        """Before a step: whose rate is another by now begins anew."""
        for lane in {self._lane(view) for view in self._state.views.values()}:
            for scope, limit, _ in self.scopes(lane, Counter()):
                if limit.rate:
                    self.bucket(scope, limit)
                else:
                    self._buckets.pop(scope, None)

    def weight(self, kind: Kind, lane: tuple[str, str]) -> int:
        limits = self._state.limits
        found = limit_of_user(limits, lane[0]) if kind is Kind.USER else limit_of_group(limits, *lane)
        return (found.weight or 1) if found else 1

    @property
    def is_shared(self) -> bool:
        return any(
            limit.is_active and scope.kind is not Kind.QUEUE for scope, limit in self._state.limits.items()
        )

    def check_gone(self, gone: list[Entry], before: Counter[tuple[str, str]]) -> None:
        """Each that went, in its order: nothing of a paused queue, nothing past a limit or a rate."""
        flying, now = Counter(before), self._state.clock.now()
        for entry in gone:
            if is_paused(self._state.limits, entry.queue):
                raise Violation(entry.job_id, "a paused queue starts nothing")
            for scope, limit, taken in list(self.scopes(entry.lane, flying)):
                if limit.concurrency is not None and taken >= limit.concurrency:
                    raise Violation(entry.job_id, "a concurrency limit is never exceeded")
                if limit.rate:
                    bucket = self.bucket(scope, limit)
                    bucket.take(now)
                    if bucket.is_known(now) and bucket.tokens(now) < -A_LITTLE:
                        raise Violation(entry.job_id, "a rate is never exceeded")
            flying[entry.lane] += 1

    def check_order(self, gone: list[Entry], left: list[Entry], before: Counter[tuple[str, str]]) -> None:
        """Least under way for the weight first: users, then groups of a user; then who waited longest."""
        flying = before + Counter(entry.lane for entry in gone)
        free = [entry for entry in left if self.holds(entry, flying) == []]
        self._check_ages(gone, [entry for entry in left if not is_paused(self._state.limits, entry.queue)])
        if not self.is_shared:
            return
        for kind in (Kind.USER, Kind.GROUP):
            # Users are compared with each other, groups only with those of the same user.
            for compared in {entry.user_id for entry in gone} if kind is Kind.GROUP else {None}:
                self._check_turns(
                    kind,
                    [it for it in gone if compared in (None, it.user_id)],
                    [it for it in free if compared in (None, it.user_id)],
                    before,
                )

    def _check_ages(self, gone: list[Entry], left: list[Entry]) -> None:
        for entry in gone:
            for other in left:
                is_rival = other.lane == entry.lane or not self.is_shared
                if is_rival and other.counts_as_due < entry.counts_as_due:
                    raise Violation(other.job_id, "nobody passes who counts as due earlier")

    def _check_turns(
        self, kind: Kind, gone: list[Entry], free: list[Entry], before: Counter[tuple[str, str]]
    ) -> None:
        def of(entry: Entry) -> tuple[str, str]:
            return (entry.user_id, "") if kind is Kind.USER else entry.lane

        flying: Counter[tuple[str, str]] = Counter()
        for lane, number in before.items():
            flying[(lane[0], "") if kind is Kind.USER else lane] += number
        latest = 0.0
        for entry in gone:
            turn = flying[of(entry)] / self.weight(kind, of(entry))
            if kind is Kind.USER and turn < latest - A_LITTLE:
                raise Violation(entry.job_id, "who has least under way for their weight goes first")
            latest = max(latest, turn)
            flying[of(entry)] += 1
        for entry in free:
            if gone and flying[of(entry)] / self.weight(kind, of(entry)) < latest - A_LITTLE:
                raise Violation(entry.job_id, f"no {kind.value} with less under way is left behind")

    def check_nobody_is_held_for_nothing(self, left: list[Entry]) -> None:
        """Places were left, so each that did not go is held by something."""
        flying = self.flying()
        for entry in left:
            if self.holds(entry, flying) == []:
                raise Violation(entry.job_id, "with places left, only what is held waits")
