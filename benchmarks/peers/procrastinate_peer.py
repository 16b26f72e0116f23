"""Procrastinate: psycopg, LISTEN and NOTIFY."""

from typing import Any

import uvloop
from procrastinate import App, PsycopgConnector

from benchmarks.peers.peer import Job, Meter, Peer

# Under which its worker drains fastest on two cores.
CONCURRENCY, CONNECTIONS = 5, 10


def app_for(dsn: str, connections: int) -> App:
    return App(connector=PsycopgConnector(conninfo=dsn, min_size=connections, max_size=connections))


class ProcrastinatePeer(Peer):
    async def install(self, dsn: str) -> None:
        app = app_for(dsn, 1)
        async with app.open_async():
            await app.schema_manager.apply_schema_async()

    async def open(self, dsn: str, connections: int) -> None:
        self._app = app_for(dsn, connections)
        await self._app.open_async()
        self._task = self._app.configure_task("noop")

    async def submit(self, job: Job) -> None:
        await self._task.defer_async(**job)

    async def submit_many(self, jobs: list[Job]) -> None:
        await self._task.batch_defer_async(*jobs)

    async def close(self) -> None:
        await self._app.close_async()

    def work(self, dsn: str, meter: Meter) -> None:
        uvloop.run(self.work_here(dsn, meter))

    async def work_here(self, dsn: str, meter: Meter) -> None:
        app = app_for(dsn, CONNECTIONS)

        @app.task(name="noop")
        async def noop(**job: Any) -> None:
            meter.hit(job)

        async with app.open_async():
            await app.run_worker_async(concurrency=CONCURRENCY)


PEER = ProcrastinatePeer()
