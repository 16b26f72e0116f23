"""Reading `jobs`."""

from collections.abc import Sequence

from adapters.postgres import view_codec
from adapters.postgres.arrays import plain_array
from adapters.postgres.pool import Database
from adapters.postgres.statements import statement
from domain.identifiers import JobId
from domain.ports.job_views import JobFilter
from domain.views import JobView


class PostgresJobViews:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, job_id: JobId) -> JobView | None:
        return (await self.get_many([job_id])).get(job_id)

    async def get_many(self, job_ids: Sequence[JobId]) -> dict[JobId, JobView]:
        rows = await self._database.rows(statement("job_views/get_many"), {"job_ids": plain_array(job_ids)})
        return {row["id"]: view_codec.decode(row) for row in rows}

    async def newest(
        self, which: JobFilter, *, limit: int, before: JobId | None = None, offset: int = 0
    ) -> list[JobView]:
        parameters = {
            "user_id": which.user_id,
            "status": which.status.value if which.status else None,
            "job_type": which.job_type,
            "tag": which.tag,
            "limit": limit,
            "before": before,
            "offset": offset,
        }
        rows = await self._database.rows(statement("job_views/newest"), parameters)
        return [view_codec.decode(row) for row in rows]
