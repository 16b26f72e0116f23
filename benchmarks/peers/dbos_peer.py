"""DBOS Transact: a client enqueues, one process dequeues and runs an async workflow."""

import asyncio
import signal
import sys
import threading
from typing import Any

from dbos import DBOS, DBOSClient

from benchmarks.peers.peer import Job, Meter, Peer

VERSION = "bench"

# Under which its worker drains fastest on two cores.
POLL_SECONDS, CONCURRENCY = 0.02, 200


def config(dsn: str) -> Any:
    return {
        "name": "bench",
        "system_database_url": dsn,
        "application_version": VERSION,
        "log_level": "ERROR",
        "sys_db_pool_size": 20,
    }


class DbosPeer(Peer):
    async def install(self, dsn: str) -> None:
        def launch() -> None:
            DBOS(config=config(dsn))
            DBOS.launch()
            DBOS.register_queue("bench")
            DBOS.destroy()

        # It migrates, and must not do so in an event loop's thread.
        await asyncio.to_thread(launch)

    async def open(self, dsn: str, connections: int) -> None:
        self._client = DBOSClient(
            system_database_url=dsn, system_database_pool_size=connections, application_name="bench"
        )
        self._options: Any = {"workflow_name": "noop", "queue_name": "bench", "app_version": VERSION}

    async def submit(self, job: Job) -> None:
        await self._client.enqueue_async(self._options, job)

    async def submit_many(self, jobs: list[Job]) -> None:
        waiting = iter(jobs)

        async def feed() -> None:
            for job in waiting:
                await self.submit(job)

        # It has no call for many; eight at once is what it is fastest with.
        await asyncio.gather(*(feed() for _ in range(8)))

    async def close(self) -> None:
        self._client.destroy()

    def work(self, dsn: str, meter: Meter) -> None:
        # Stored before the launch: a running worker only creeps to a shorter interval.
        client = DBOSClient(system_database_url=dsn, application_name="bench")
        client.register_queue(
            "bench",
            polling_interval_sec=POLL_SECONDS,
            worker_concurrency=CONCURRENCY,
            on_conflict="always_update",
        )
        client.destroy()
        DBOS(config=config(dsn))

        @DBOS.workflow(name="noop")
        async def noop(job: Job) -> None:
            meter.hit(job)

        DBOS.launch()
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        threading.Event().wait()


PEER = DbosPeer()
