"""Reading the read model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.identifiers import JobId, UserId
from domain.lifecycle import Status
from domain.views import JobView


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """Which jobs to list; None means any."""

    user_id: UserId | None = None
    status: Status | None = None
    job_type: str | None = None
    tag: str | None = None


class JobViews(Protocol):
    async def get(self, job_id: JobId) -> JobView | None:
        """The job as it is now."""

    async def get_many(self, job_ids: Sequence[JobId]) -> dict[JobId, JobView]:
        """Those of the jobs that exist."""

    async def newest(
        self, which: JobFilter, *, limit: int, before: JobId | None = None, offset: int = 0
    ) -> list[JobView]:
        """Jobs by id, newest first, older than `before` where it is given."""
