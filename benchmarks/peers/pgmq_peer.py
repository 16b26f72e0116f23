"""PGMQ by its official client, without any history: read a batch, delete a batch."""

import asyncpg
import psycopg
import uvloop
from pgmq.async_queue import PGMQueue
from pgmq.install import get_embedded_install_sql

from benchmarks.peers.peer import Job, Meter, Peer

# Under which its worker drains fastest on two cores.
BATCH, POLL_MS = 500, 100


class PgmqPeer(Peer):
    async def install(self, dsn: str) -> None:
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
            await connection.execute(get_embedded_install_sql())
            await connection.execute("SELECT pgmq.create('bench')")

    async def open(self, dsn: str, connections: int) -> None:
        self._pool = await asyncpg.create_pool(dsn, min_size=connections, max_size=connections)
        self._queue = PGMQueue(pool=self._pool, init_extension=False)
        await self._queue.init()

    async def submit(self, job: Job) -> None:
        await self._queue.send("bench", job)

    async def submit_many(self, jobs: list[Job]) -> None:
        await self._queue.send_batch("bench", jobs)

    async def close(self) -> None:
        await self._pool.close()

    def work(self, dsn: str, meter: Meter) -> None:
        uvloop.run(self.work_here(dsn, meter))

    async def work_here(self, dsn: str, meter: Meter) -> None:
        await self.open(dsn, 1)
        while True:
            messages = await self._queue.read_with_poll(
                "bench",
                vt=30,
                qty=BATCH,
                max_poll_seconds=5,
                poll_interval_ms=POLL_MS,
            )
            for message in messages or []:
                meter.hit(message.message)
            if messages:
                await self._queue.delete_batch("bench", [message.msg_id for message in messages])


PEER = PgmqPeer()
