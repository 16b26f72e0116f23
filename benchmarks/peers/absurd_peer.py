"""Absurd: its SDK over the schema that its control program brings; only submissions are compared."""

import psycopg
from absurd_sdk import AsyncAbsurd
from absurdctl import BUNDLED_SCHEMA_SQL

from benchmarks.peers.peer import Job, Peer


class AbsurdPeer(Peer):
    async def install(self, dsn: str) -> None:
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
            await connection.execute(BUNDLED_SCHEMA_SQL)
            await connection.execute("SELECT absurd.create_queue('bench')")

    async def open(self, dsn: str, connections: int) -> None:
        # The SDK holds one connection a client.
        self._free = [AsyncAbsurd(dsn, queue_name="bench") for _ in range(connections)]

    async def submit(self, job: Job) -> None:
        client = self._free.pop()
        await client.spawn("noop", job, queue="bench")
        self._free.append(client)

    async def close(self) -> None:
        for client in self._free:
            await client.close()


PEER = AbsurdPeer()
