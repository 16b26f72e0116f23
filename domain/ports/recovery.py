"""Finding jobs that nobody will ever take up again."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

from domain.identifiers import JobId, MessageId, WorkerId
from domain.views import JobView


class Suspicion(StrEnum):
    STUCK = "stuck"
    ORPHANED = "orphaned"


class Suspect(NamedTuple):
    """A job in trouble.

    Stuck: running, and its message is gone or lapsed long ago; `msg_id` is what is left of it. Orphaned:
    waiting, due for long, in neither outbox nor queue.
    """

    view: JobView
    suspicion: Suspicion
    msg_id: MessageId | None


class SuspectPage(NamedTuple):
    """What one page of jobs held; `last` is where the next page begins, None after the last one."""

    suspects: list[Suspect]
    scanned: int
    last: JobId | None


class Recovery(Protocol):
    """Every method raises StorageUnavailable."""

    async def suspects(self, *, after: JobId | None, limit: int, silent_for_seconds: int) -> SuspectPage:
        """Those of the next `limit` jobs that are in trouble, all seen in one snapshot.

        A backlog is no orphan, and a slow job whose lease is kept is not stuck.
        """

    async def make_months_ahead(self) -> int:
        """Make room for the events of the coming months; how many months were made."""

    async def attempts_of(self, worker_ids: Sequence[WorkerId]) -> list[JobView]:
        """The jobs whose live attempts are these workers', as far as their messages are in the queue."""
