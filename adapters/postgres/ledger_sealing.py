"""The ledger's growth in PostgreSQL: ticks by snapshot difference, hashed where the events are."""

from collections.abc import Sequence

import psycopg

from adapters.postgres.arrays import plain_array, text_array
from adapters.postgres.audit_trail import PostgresAuditTrail
from adapters.postgres.pool import Connection, Database, fetch
from adapters.postgres.statements import statement
from domain.audit import LedgerRestored
from domain.errors import HistoryTakenBack
from domain.events import Provenance
from domain.ledger.merkle import TileRoot, split
from domain.ports.ledger_sealing import KeyChange, LedgerTree, Tick
from domain.ports.system import Ids

TICKS_AT_ONCE = 2000
WITHOUT_LIMIT = 2**62


class PostgresLedgerSealing:
    def __init__(self, database: Database, ids: Ids, *, code_version: str) -> None:
        self._database = database
        self._audit = PostgresAuditTrail(database, ids, code_version=code_version)

    async def seal(self, *, limit: int) -> Tick | None:
        async with self._database.connection() as connection, connection.transaction():
            return await _seal(connection, limit)

    async def is_behind(self) -> bool:
        async with self._database.connection() as connection, connection.transaction():
            await fetch(connection, statement("ledger/prefer_indexes"), {})
            (row,) = await fetch(connection, statement("ledger/is_behind"), {})
        return bool(row["is_behind"])

    async def leaf_hashes(self, *, after: int) -> list[bytes]:
        parameters = {"after": after, "ticks": TICKS_AT_ONCE}
        rows = await self._database.rows(statement("ledger/leaf_hashes"), parameters)
        hashes = [found for row in rows for found in split(row["hashes"])]
        return hashes[after + 1 - rows[0]["first_position"] :] if rows else []

    async def newest_tree(self) -> LedgerTree | None:
        rows = await self._database.rows(statement("ledger/newest_tree"), {})
        if not rows:
            return None
        if rows[0].pop("is_of_another_server"):
            raise HistoryTakenBack(
                "The ledger was sealed on another server, and came here as a logical dump: run "
                "`jobledger migrate`, and it goes on."
            )
        return LedgerTree(**rows[0])

    async def begin_tree(self, *, origin: str) -> None:
        parameters = {"number": 1, "origin": origin, "first_position": 1}
        await self._database.rows(statement("ledger/begin_tree"), parameters)

    async def begin_tree_after(
        self,
        last: int,
        *,
        origin: str,
        event: LedgerRestored,
        provenance: Provenance,
    ) -> None:
        async with self._database.connection() as connection, connection.transaction():
            await fetch(connection, statement("audit_trail/record"), self._audit.row(event, provenance))
            tick = await _seal(connection, WITHOUT_LIMIT)
            parameters = {
                "number": last + 1,
                "origin": origin,
                "first_position": tick and tick.first_position,
            }
            if tick is None or not await fetch(connection, statement("ledger/begin_tree"), parameters):
                raise psycopg.Rollback

    async def add_checkpoint(
        self, tree: LedgerTree, *, size: int, note: str, roots: Sequence[TileRoot], apart_seconds: float
    ) -> bool:
        parameters = {
            "tree": tree.number,
            "size": size,
            "note": note,
            "apart_seconds": apart_seconds,
            "levels": plain_array(root.level for root in roots),
            "indexes": plain_array(root.number for root in roots),
            "hashes": text_array(f"\\x{root.hash.hex()}" for root in roots),
        }
        return bool(await self._database.rows(statement("ledger/add_checkpoint"), parameters))

    async def set_keys(self, keys: Sequence[str]) -> KeyChange:
        rows = await self._database.rows(statement("ledger/set_keys"), {"keys": list(keys)})
        added = tuple(row["key"] for row in rows if row["is_added"])
        return KeyChange(added, tuple(row["key"] for row in rows if not row["is_added"]))


async def _seal(connection: Connection, limit: int) -> Tick | None:
    await fetch(connection, statement("ledger/prefer_indexes"), {})
    rows = await fetch(connection, statement("ledger/seal"), {"limit": limit})
    return Tick(rows[0]["first_position"], split(rows[0]["hashes"])) if rows else None
