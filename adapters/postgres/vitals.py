"""VitalSigns from our tables and the server's own statistics."""

from adapters.postgres.pool import Database
from adapters.postgres.statements import statement
from domain.ports.vitals import Held, Vitals


class PostgresVitalSigns:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self) -> Vitals:
        (row,) = await self._database.rows(statement("vitals/read"), {})
        held = None
        if row.pop("is_limited"):
            (found,) = await self._database.rows(statement("vitals/held"), {})
            held = Held(**found)
        return Vitals(**row, held=held)
