"""The outbox over PostgreSQL and PGMQ, in one database: a move is one statement."""

from adapters.postgres.pool import Database
from adapters.postgres.statements import statement
from domain.ports.outbox import RelayReport


class PostgresOutbox:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def relay(self, *, limit: int, max_visible: int) -> RelayReport:
        parameters = {"limit": limit, "max_visible": max_visible}
        (row,) = await self._database.rows(statement("outbox/relay"), parameters)
        return RelayReport(row["moved"], row["next_due_at"])
