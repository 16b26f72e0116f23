"""PgQueuer: asyncpg, durable tables (its default)."""

import json
from typing import Any

import asyncpg
import uvloop
from pgqueuer import PgQueuer
from pgqueuer.queries import Queries

from benchmarks.peers.peer import Job, Meter, Peer

# Under which its worker drains fastest on two cores.
BATCH = 1000


class PgQueuerPeer(Peer):
    async def install(self, dsn: str) -> None:
        connection = await asyncpg.connect(dsn)
        await Queries.from_asyncpg_connection(connection).install()
        await connection.close()

    async def open(self, dsn: str, connections: int) -> None:
        # One connection a submitter: asyncpg's pool adds a round trip to each release.
        self._connections = [await asyncpg.connect(dsn) for _ in range(connections)]
        self._free = [Queries.from_asyncpg_connection(connection) for connection in self._connections]

    async def submit(self, job: Job) -> None:
        queries = self._free.pop()
        await queries.enqueue("noop", json.dumps(job).encode())
        self._free.append(queries)

    async def submit_many(self, jobs: list[Job]) -> None:
        count = len(jobs)
        await self._free[0].enqueue(["noop"] * count, [json.dumps(job).encode() for job in jobs], [0] * count)

    async def close(self) -> None:
        for connection in self._connections:
            await connection.close()

    def work(self, dsn: str, meter: Meter) -> None:
        uvloop.run(self._run(dsn, meter, BATCH))

    async def work_here(self, dsn: str, meter: Meter) -> None:
        await self._run(dsn, meter, 10)

    async def _run(self, dsn: str, meter: Meter, batch: int) -> None:
        app = PgQueuer.from_asyncpg_connection(await asyncpg.connect(dsn))

        @app.entrypoint("noop")
        async def noop(job: Any) -> None:
            meter.hit(json.loads(job.payload))

        await app.run(batch_size=batch)


PEER = PgQueuerPeer()
