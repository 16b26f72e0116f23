"""One measure of one peer, inside the peers' environment; the last line of output is its JSON.

python -m benchmarks.peers PEER install | submit N SECONDS | preload JOBS | work JOBS | latency JOBS
"""

import asyncio
import importlib
import json
import os
import sys
import time

import uvloop

from benchmarks.peers.peer import Job, Meter, Peer, payload

WARM_UP_SECONDS = 0.5
BULK = 1000
PAUSE_SECONDS = 0.02


async def submit(peer: Peer, dsn: str, submitters: int, seconds: float) -> float:
    """Jobs a second, one by one, each durable before its submitter goes on."""
    await peer.open(dsn, submitters)
    done = 0

    async def submitter(end: float) -> None:
        nonlocal done
        while time.monotonic() < end:
            await peer.submit(payload(done))
            done += 1

    warm = time.monotonic() + WARM_UP_SECONDS
    await asyncio.gather(*(submitter(warm) for _ in range(submitters)))
    done, begun = 0, time.monotonic()
    await asyncio.gather(*(submitter(begun + seconds) for _ in range(submitters)))
    rate = done / (time.monotonic() - begun)
    await peer.close()
    return rate


async def preload(peer: Peer, dsn: str, jobs: int) -> float:
    """Jobs a second, a thousand a call."""
    await peer.open(dsn, 8)
    payloads = [payload(number) for number in range(jobs)]
    begun = time.monotonic()
    for first in range(0, jobs, BULK):
        await peer.submit_many(payloads[first : first + BULK])
    rate = jobs / (time.monotonic() - begun)
    await peer.close()
    return rate


async def latency(peer: Peer, dsn: str, jobs: int) -> list[float]:
    """Milliseconds from just before each submission to the start of its handler, in one event loop."""
    meter = Meter(jobs)
    started = asyncio.Event()
    found: list[float] = []

    def on_start(job: Job) -> None:
        found.append(1000 * (time.monotonic() - job["t"]))
        started.set()

    meter.on_start = on_start
    await peer.open(dsn, 1)
    worker = asyncio.create_task(peer.work_here(dsn, meter))
    for number in range(jobs):
        await peer.submit(payload(number))
        await started.wait()
        started.clear()
        await asyncio.sleep(PAUSE_SECONDS)
    worker.cancel()
    return found


def main() -> None:
    name, command, *rest = sys.argv[1:]
    dsn = os.environ["PEER_DSN"]
    peer: Peer = importlib.import_module(f"benchmarks.peers.{name}_peer").PEER
    match command:
        case "install":
            asyncio.run(peer.install(dsn))
        case "submit":
            print(json.dumps(uvloop.run(submit(peer, dsn, int(rest[0]), float(rest[1])))))
        case "preload":
            print(json.dumps(uvloop.run(preload(peer, dsn, int(rest[0])))))
        case "work":
            peer.work(dsn, Meter(int(rest[0])))
        case "latency":
            print(json.dumps(uvloop.run(latency(peer, dsn, int(rest[0])))), flush=True)
            os._exit(0)  # Some peers' workers take seconds to leave.
        case _:
            sys.exit(__doc__)


main()
