"""What operators set for queues, users and groups: a limit is the fold of its events, as a job is.

Its events are streams of their own, like all that is recorded beside jobs; the scope and `version` put them
in their order. A queue has the name of its job type.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, NamedTuple

from domain.events import personal

EVERY = "*"


class Kind(StrEnum):
    QUEUE = "queue"
    USER = "user"
    GROUP = "group"


class Scope(NamedTuple):
    """Whose limit: a queue by `name`, a user, or a user's group by `name`; `EVERY` of them, or one."""

    kind: Kind
    user_id: str = ""
    name: str = ""


def queue(name: str) -> Scope:
    return Scope(Kind.QUEUE, name=name)


def user(user_id: str) -> Scope:
    return Scope(Kind.USER, user_id)


def group(user_id: str, group_key: str) -> Scope:
    return Scope(Kind.GROUP, user_id, group_key)


class Rate(NamedTuple):
    """So many starts in so many seconds, of which `burst` may come at once."""

    starts: int
    per_seconds: int = 1
    burst: int = 1

    @property
    def interval(self) -> timedelta:
        return timedelta(seconds=self.per_seconds / self.starts)


class Limit(NamedTuple):
    """What holds for a scope. None of all limits nothing; `weight` is 1 where it is None."""

    scope: Scope
    version: int = 0
    is_paused: bool = False
    concurrency: int | None = None
    rate: Rate | None = None
    weight: int | None = None

    @property
    def is_active(self) -> bool:
        return self.is_paused or (self.concurrency, self.rate, self.weight) != (None, None, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePaused:
    SCHEMA_VERSION: ClassVar[int] = 1
    queue: str
    version: int
    reason: str | None = personal()


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueResumed:
    SCHEMA_VERSION: ClassVar[int] = 1
    queue: str
    version: int
    reason: str | None = personal()


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSet:
    """What holds for a user or a group from now on, whole: what is None is not limited."""

    SCHEMA_VERSION: ClassVar[int] = 1
    kind: str
    user_id: str
    version: int
    concurrency: int | None
    starts: int | None
    per_seconds: int | None
    burst: int | None
    weight: int | None
    group_key: str | None = personal()
    reason: str | None = personal()


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRemoved:
    SCHEMA_VERSION: ClassVar[int] = 1
    kind: str
    user_id: str
    version: int
    group_key: str | None = personal()
    reason: str | None = personal()


LimitEvent = QueuePaused | QueueResumed | LimitSet | LimitRemoved


class Hold(NamedTuple):
    """What keeps a due job in the outbox: a limit, how much of it is taken, and from when on it has room.

    `until` is known for rates alone. A hold without `limit` is none: the job only waits for its turn.
    """

    limit: Limit | None
    taken: int = 0
    until: datetime | None = None
