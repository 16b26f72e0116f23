"""Whether the store can be reached, and how busy this process's connections to it are."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol


class PoolUse(NamedTuple):
    """A pool's connections now, and since the process began: how often and how long somebody waited for one.

    `failures` are those who waited in vain.
    """

    connections: int
    idle: int
    waiting: int
    waits: int
    waited_seconds: float
    failures: int


class Health(Protocol):
    async def check(self) -> None:
        """Return when a query got through; raises StorageUnavailable within a second or so otherwise."""

    def pools(self) -> Mapping[str, PoolUse]:
        """What each pool is used for, and how much."""
