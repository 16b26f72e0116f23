"""Which workers live, so that people and `explain` can tell why nobody takes a job up.

Nothing that the service does depends on it: jobs are claimed by messages, and lost with their leases.
"""

from datetime import datetime
from typing import NamedTuple, Protocol

from domain.identifiers import WorkerId


class Presence(NamedTuple):
    """What a worker tells of itself: which job types it serves, and how many attempts it runs of how many."""

    worker_id: WorkerId
    compute: str
    job_types: tuple[str, ...]
    concurrency: int
    running: int


class LivingWorker(NamedTuple):
    """A worker as it was at its last beat."""

    presence: Presence
    started_at: datetime
    beat_at: datetime


class Workers(Protocol):
    """Every method raises StorageUnavailable."""

    async def beat(self, presence: Presence, *, alive_for_seconds: float) -> None:
        """Say that the worker lives and will until `alive_for_seconds` from now, unless it says so again."""

    async def leave(self, worker_id: WorkerId) -> None:
        """Say that the worker is gone; one that is not known is gone already."""

    async def living(self) -> list[LivingWorker]:
        """The workers that live now, those that began first at the front."""
