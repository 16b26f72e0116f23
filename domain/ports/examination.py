"""Looking at the store from outside, before anything of ours can be relied on."""

from datetime import datetime
from typing import NamedTuple, Protocol

from domain.ports.system import Clock


class ClockReading(NamedTuple):
    """The store's clock, and when we asked for it and had the answer by ours."""

    asked_at: datetime
    theirs: datetime
    answered_at: datetime


class StoreFacts(NamedTuple):
    """The store as a process with these settings finds it.

    `server_version` is as PostgreSQL numbers it, 150004. `role_is_owner` says that the role may do whatever
    it likes with the history. `is_behind_pooler` says that connections are not the server's own. `revision`
    is the schema's, None where it cannot be read; `has_schema` tells the two reasons apart. `missing_grants`
    are what the role needs and does not have, "privilege on table". `queue_version` is PGMQ's where it is an
    extension.
    """

    server_version: int
    role: str
    role_is_owner: bool
    is_behind_pooler: bool
    clock_readings: tuple[ClockReading, ...]
    took_seconds: float
    has_schema: bool
    revision: str | None
    missing_grants: tuple[str, ...]
    has_this_month: bool
    months_ahead: int
    queue_version: str | None
    has_queue: bool


class Examination(Protocol):
    async def store(self, *, clock: Clock) -> StoreFacts:
        """What it is, and its clock beside ours; raises StorageUnavailable, with what was said."""

    async def hears(self, listen_url: str) -> bool:
        """Whether what is sent arrives at `listen_url`; raises StorageUnavailable as `store` does."""

    async def token_keys(self) -> int:
        """How many usable keys the issuer of tokens publishes; raises StorageUnavailable, with the reason."""

    def newest_revision(self) -> str:
        """The revision that this code was written for."""
