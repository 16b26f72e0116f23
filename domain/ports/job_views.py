"""Reading the read model."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from domain.identifiers import JobId, UserId
from domain.lifecycle import Status
from domain.views import JobView


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """Which jobs to list; None means any, and so do no statuses.

    `created_after` is the first instant that counts, `created_before` the first that no longer does.
    """

    user_id: UserId | None = None
    statuses: frozenset[Status] = frozenset()
    job_type: str | None = None
    tag: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


LOOK = 1000


class Page(NamedTuple):
    """Some of a list, and the job after which to go on; None where the list is at its end."""

    views: list[JobView]
    following: JobId | None


class JobViews(Protocol):
    async def get(self, job_id: JobId, *, owner: UserId | None = None) -> JobView | None:
        """The job as it is now; with `owner` only if it is theirs, and others' take no longer than none."""

    async def get_many(self, job_ids: Sequence[JobId]) -> dict[JobId, JobView]:
        """Those of the jobs that exist."""

    async def versions(self, job_ids: Sequence[JobId]) -> dict[JobId, int]:
        """At which version those of the jobs are that exist: cheaper than their views."""

    async def newest(
        self,
        which: JobFilter,
        *,
        limit: int,
        before: JobId | None = None,
        offset: int = 0,
        look: int | None = LOOK,
    ) -> Page:
        """Jobs by id, newest first, older than `before` where it is given.

        No more than `look` jobs are looked at, so that a page takes no longer among more of them: it may hold
        fewer than `limit`, even none, and yet go on. None looks until the page is full, or at all there are.
        """

    async def count(self, which: JobFilter) -> int:
        """How many there are: exact, and as slow as there are many."""

    async def estimate(self, which: JobFilter) -> int:
        """About how many there are, without looking at any."""
