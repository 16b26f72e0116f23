"""What a measured queue has to do, and the no-op job that all of them run."""

import json
import time
from collections.abc import Callable
from typing import Any

Job = dict[str, Any]
FILLING = {"kind": "noop", "tenant": "acme", "note": "x" * 34}


def payload(number: int) -> Job:
    """About 100 bytes of JSON; `t` is when it was made, by a clock that all processes share."""
    return {"i": number, "t": round(time.monotonic(), 6), **FILLING}


class Meter:
    """Counts handler starts; says on stdout when the first one and the last one happened."""

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._count = 0
        self.on_start: Callable[[Job], None] | None = None

    def hit(self, job: Job) -> None:
        self._count += 1
        if self.on_start:
            self.on_start(job)
        if self._count == 1:
            print(json.dumps({"first": time.monotonic()}), flush=True)
        if self._count == self._jobs:
            print(json.dumps({"last": time.monotonic()}), flush=True)


class Peer:
    """One queue, submitted to and worked."""

    async def install(self, dsn: str) -> None:
        raise NotImplementedError

    async def open(self, dsn: str, connections: int) -> None:
        raise NotImplementedError

    async def submit(self, job: Job) -> None:
        """Durable when it returns."""
        raise NotImplementedError

    async def submit_many(self, jobs: list[Job]) -> None:
        """As one call, where the queue has one."""
        for job in jobs:
            await self.submit(job)

    async def close(self) -> None:
        raise NotImplementedError

    def work(self, dsn: str, meter: Meter) -> None:
        """Run one worker process until SIGTERM."""
        raise NotImplementedError

    async def work_here(self, dsn: str, meter: Meter) -> None:
        """Run the worker in this event loop, as an idle one; where latency is measured."""
        raise NotImplementedError
