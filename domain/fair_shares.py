"""Whose entry goes next where something is limited: the rule that `choose_entries` states in SQL."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from math import floor
from typing import NamedTuple

from domain.limits import EVERY, Hold, Kind, Limit, Scope, group, queue, user

AGING = timedelta(minutes=1)
"""How much earlier than its due time an entry counts for each step of its priority."""
FAIR_DEPTH = 100
"""Visible messages at which the relay holds back where something is limited: nobody passes them."""

NOTHING = Limit(user(EVERY))


class Share(NamedTuple):
    """Whose an entry is: its queue, its user, and the user's group, '' for none."""

    queue: str
    user_id: str
    group_key: str = ""

    @property
    def user_scope(self) -> Scope:
        return user(self.user_id)

    @property
    def group_scope(self) -> Scope | None:
        return group(self.user_id, self.group_key) if self.group_key else None


class Waiting(NamedTuple):
    """A due entry; `counts_as_due` is its due time less `AGING` for each step of its priority."""

    id: int
    share: Share
    counts_as_due: datetime


class Limiting(NamedTuple):
    """All that limits: by scope, how far each rate is spent, and what flies: was let go and has not ended."""

    limits: Mapping[Scope, Limit]
    spent_until: Mapping[Scope, datetime]
    flying: Sequence[tuple[str, str]]
    """(user, group) of each message."""


def limit_for(limits: Mapping[Scope, Limit], scope: Scope | None) -> Limit:
    """The scope's own limit, or what holds for every such scope; one that is set replaces the other whole."""
    if scope is None:
        return NOTHING
    user_id, name = scope.user_id, scope.name
    wider = {
        Kind.QUEUE: [],
        Kind.USER: [user(EVERY)],
        Kind.GROUP: [group(user_id, EVERY), group(EVERY, EVERY)],
    }[scope.kind]
    found = (limits.get(candidate) for candidate in (scope._replace(name=name), *wider))
    return next((limit for limit in found if limit and limit.is_active), NOTHING)


def room_of(limit: Limit, *, flying: int, spent_until: datetime | None, now: datetime) -> int | None:
    """How many more may go now; None for any number."""
    rooms = []
    if limit.concurrency is not None:
        rooms.append(max(limit.concurrency - flying, 0))
    if limit.rate:
        owed = max((spent_until or now) - now, timedelta())
        rooms.append(max(floor(limit.rate.burst - owed / limit.rate.interval), 0))
    return min(rooms, default=None)


def choose(waiting: Iterable[Waiting], limiting: Limiting, *, places: int, now: datetime) -> list[Waiting]:
    """The entries that go, in their order.

    A user with the least flying for its weight goes first, within a user likewise a group; who is equal goes
    by due time. Nothing goes past a limit, and nothing of a paused queue.
    """
    limits = limiting.limits
    of_users = Counter(user_id for user_id, _ in limiting.flying)
    of_groups = Counter(limiting.flying)
    is_shared = any(limit.is_active and scope.kind is not Kind.QUEUE for scope, limit in limits.items())

    def room(scope: Scope | None, flying: int) -> int:
        spent = limiting.spent_until.get(scope) if scope else None
        left = room_of(limit_for(limits, scope), flying=flying, spent_until=spent, now=now)
        return places if left is None else min(left, places)

    def nth(flying: int, count: int, scope: Scope | None) -> float:
        return (flying + count) / (limit_for(limits, scope).weight or 1) if is_shared else 0.0

    in_group: Counter[tuple[str, str]] = Counter()
    of_user: list[tuple[float, datetime, int, Waiting]] = []
    for entry in sorted(waiting, key=lambda it: (it.counts_as_due, it.id)):
        share = entry.share
        if limit_for(limits, queue(share.queue)).is_paused:
            continue
        key = (share.user_id, share.group_key)
        if in_group[key] < room(share.group_scope, of_groups[key]):
            turn = nth(of_groups[key], in_group[key], share.group_scope)
            of_user.append((turn, entry.counts_as_due, entry.id, entry))
            in_group[key] += 1
    in_user: Counter[str] = Counter()
    chosen: list[tuple[float, datetime, int, Waiting]] = []
    for _, due, entry_id, entry in sorted(of_user):
        user_id = entry.share.user_id
        if in_user[user_id] < room(entry.share.user_scope, of_users[user_id]):
            turn = nth(of_users[user_id], in_user[user_id], entry.share.user_scope)
            chosen.append((turn, due, entry_id, entry))
            in_user[user_id] += 1
    return [entry for *_, entry in sorted(chosen)[: max(places, 0)]]


def spend(limit: Limit, *, starts: int, spent_until: datetime | None, now: datetime) -> datetime | None:
    """Until when the limit's rate is spent after so many starts; None when it has none."""
    if not limit.rate:
        return None
    return max(spent_until or now, now) + starts * limit.rate.interval


def held_by(share: Share, limiting: Limiting, now: datetime) -> Hold | None:
    """What keeps a due entry of the share from going; None where nothing is limited at all."""
    limits = limiting.limits
    if not any(limit.is_active for limit in limits.values()):
        return None
    paused = limit_for(limits, queue(share.queue))
    if paused.is_paused:
        return Hold(paused)
    flying = Counter(limiting.flying)
    counts = {
        share.user_scope: sum(count for (user_id, _), count in flying.items() if user_id == share.user_id),
        share.group_scope: flying[(share.user_id, share.group_key)],
    }
    for scope, taken in counts.items():
        if scope is None:
            continue
        limit, spent = limit_for(limits, scope), limiting.spent_until.get(scope)
        if limit.concurrency is not None and taken >= limit.concurrency:
            return Hold(limit, taken)
        if limit.rate and not room_of(limit._replace(concurrency=None), flying=0, spent_until=spent, now=now):
            return Hold(limit, taken, (spent or now) - (limit.rate.burst - 1) * limit.rate.interval)
    return Hold(None)
