"""Reading `jobs`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from adapters.postgres import view_codec
from adapters.postgres.arrays import plain_array, text_array
from adapters.postgres.pool import Database
from adapters.postgres.statements import statement
from domain.identifiers import JobId, UserId
from domain.ports.job_views import LOOK, JobFilter, Page
from domain.views import JobView

FIRST_ID = UUID(int=0)
LAST_ID = UUID(int=2**128 - 1)
# Ids hold the clock of who submitted, `created_at` the database's: they may differ by so much.
CLOCK_DIFFERENCE_MS = 86_400_000


class PostgresJobViews:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, job_id: JobId, *, owner: UserId | None = None) -> JobView | None:
        if owner is None:
            return (await self.get_many([job_id])).get(job_id)
        rows = await self._database.rows(
            statement("job_views/get_of_user"), {"job_id": job_id, "user_id": owner}
        )
        return view_codec.decode(rows[0]) if rows else None

    async def get_many(self, job_ids: Sequence[JobId]) -> dict[JobId, JobView]:
        rows = await self._database.rows(statement("job_views/get_many"), {"job_ids": plain_array(job_ids)})
        return {row["id"]: view_codec.decode(row) for row in rows}

    async def versions(self, job_ids: Sequence[JobId]) -> dict[JobId, int]:
        rows = await self._database.rows(statement("job_views/versions"), {"job_ids": plain_array(job_ids)})
        return {row["id"]: row["version"] for row in rows}

    async def newest(
        self,
        which: JobFilter,
        *,
        limit: int,
        before: JobId | None = None,
        offset: int = 0,
        look: int | None = LOOK,
    ) -> Page:
        name = "newest_rare" if which.statuses and which.statuses <= view_codec.RARE else "newest"
        # One more than asked for says whether there are more.
        asked = {"limit": limit + 1, "offset": offset, "look": look}
        rows = await self._database.rows(_statement(name, which), _parameters(which, before) | asked)
        views = [view_codec.decode(row) for row in rows if row["id"]]
        if len(views) > limit:
            return Page(views[:limit], views[limit - 1].job.id)
        return Page(views, rows[0]["looked_to"])

    async def count(self, which: JobFilter) -> int:
        (row,) = await self._database.rows(_statement("count", which), _parameters(which))
        return int(row["jobs"])

    async def estimate(self, which: JobFilter) -> int:
        (row,) = await self._database.rows(statement("job_views/estimate"), _parameters(which))
        return int(row["QUERY PLAN"][0]["Plan"]["Plan Rows"])


def _statement(name: str, which: JobFilter) -> bytes:
    # Two of each, because a plan that serves one user or all of them could not use the user's index.
    return statement(f"job_views/{name}" if which.user_id is None else f"job_views/{name}_of_user")


def _parameters(which: JobFilter, before: JobId | None = None) -> dict[str, Any]:
    newest = _id_at(which.created_before, CLOCK_DIFFERENCE_MS) if which.created_before else LAST_ID
    oldest = _id_at(which.created_after, -CLOCK_DIFFERENCE_MS) if which.created_after else FIRST_ID
    return {
        "user_id": which.user_id,
        "statuses": text_array(sorted(which.statuses)) if which.statuses else None,
        "job_type": which.job_type,
        "tag": which.tag,
        "created_after": which.created_after,
        "created_before": which.created_before,
        "before": str(min(newest, UUID(before)) if before else newest),
        "oldest": str(oldest),
    }


def _id_at(at: datetime, difference_ms: int) -> UUID:
    """The first UUIDv7 of an instant; of the nearest that has one, for those before 1970."""
    return UUID(int=min(max(int(at.timestamp() * 1000) + difference_ms, 0), 2**48 - 1) << 80)
