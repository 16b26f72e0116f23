"""The sealed history out of PostgreSQL."""

from collections.abc import Collection
from typing import Any

from adapters.postgres.arrays import plain_array
from adapters.postgres.pool import Database
from adapters.postgres.statements import statement
from domain.ledger.leaves import Envelope
from domain.ledger.lines import SealedEvent
from domain.ledger.merkle import Tile
from domain.ledger.notes import LogKey, parse_key
from domain.ports.ledger_reading import EVERYTHING, EventFilter, Head

FIRST_SPAN = 2_000
LONGEST_SPAN = 20_000


class PostgresLedgerReading:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def last_position(self) -> int:
        (row,) = await self._database.rows(statement("ledger/last_position"), {})
        position: int = row["position"]
        return position

    async def read(
        self, which: EventFilter, *, after: int, through: int | None = None, limit: int
    ) -> list[SealedEvent]:
        last = await self.last_position()
        through = last if through is None else min(through, last)
        if which.job_id:
            return await self._matching("ledger/read_job", which, after, through, limit)
        if which.since:
            (row,) = await self._database.rows(statement("ledger/first_since"), {"since": which.since})
            after = max(after, row["after"])
        # Where few events match, many have to be looked through: in steps that grow, a transaction each.
        span = limit if which == EVERYTHING else max(limit, FIRST_SPAN)
        found: list[SealedEvent] = []
        while len(found) < limit and after < through:
            end = min(through, after + span)
            found += await self._matching("ledger/read", which, after, end, limit - len(found))
            after, span = end, max(limit, min(span * 2, LONGEST_SPAN))
        return found

    async def head(self, tree: int | None = None) -> Head | None:
        rows = await self._database.rows(statement("ledger/head"), {"tree": tree})
        return Head(rows[0]["note"], rows[0]["number"], rows[0]["first_position"]) if rows else None

    async def keys(self) -> list[LogKey]:
        rows = await self._database.rows(statement("ledger/keys"), {})
        return [parse_key(row["key"]) for row in rows]

    async def checkpoints(self, tree: int, *, above: int, through: int, limit: int) -> list[str]:
        parameters = {"tree": tree, "above": above, "through": through, "limit": limit}
        rows = await self._database.rows(statement("ledger/checkpoints"), parameters)
        return [row["note"] for row in rows]

    async def tiles(self, tree: int, tiles: Collection[Tile]) -> dict[Tile, bytes]:
        parameters = {
            "tree": tree,
            "levels": plain_array(tile.level for tile in tiles),
            "indexes": plain_array(tile.index for tile in tiles),
            "widths": plain_array(tile.width for tile in tiles),
        }
        rows = await self._database.rows(statement("ledger/tiles"), parameters)
        return {Tile(row["level"], row["index"], row["width"]): row["hashes"] for row in rows}

    async def _matching(
        self, query: str, which: EventFilter, after: int, through: int, limit: int
    ) -> list[SealedEvent]:
        parameters = {
            "job_id": which.job_id,
            "user_id": which.user_id,
            "actor_id": which.actor_id,
            "type": which.type,
            "since": which.since,
            "until": which.until,
            "after": after,
            "through": through,
            "limit": limit,
        }
        return [_event(row) for row in await self._database.rows(statement(query), parameters)]


def _event(row: dict[str, Any]) -> SealedEvent:
    envelope = Envelope(**{name: row[name] for name in Envelope._fields})
    return SealedEvent(row["position"], row["leaf_hash"], envelope, row["payload"], row["salt"])
