"""Where jobs stand, in one statement each."""

from typing import Any

from adapters.postgres import view_codec
from adapters.postgres.pool import Database
from adapters.postgres.statements import statement
from domain.identifiers import JobId
from domain.ports.standings import COUNTED_TO, Crew, Line, Message, Place, Standing


class PostgresStandings:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, job_id: JobId) -> Standing | None:
        parameters = {"job_id": job_id, "limit": COUNTED_TO + 1}
        rows = await self._database.rows(statement("standings/of"), parameters)
        return _standing(rows[0]) if rows else None


def _standing(row: dict[str, Any]) -> Standing:
    message = None
    place = Place.NOWHERE if row["entry_id"] is None else Place.OUTBOX
    if row["found_msg_id"] is not None:
        place = Place.QUEUE
        message = Message(row["found_read_ct"], row["found_vt"], row["found_compute"])
    return Standing(
        view=view_codec.decode(row),
        at=row["at"],
        place=place,
        message=message,
        line=Line(row["of_its_priority"], row["of_higher_priority"], row["in_queue"]),
        oldest_due_at=row["oldest_due_at"],
        crew=Crew(row["living"], row["serving"], row["free_places"]),
        is_remote=row["is_remote"],
    )
