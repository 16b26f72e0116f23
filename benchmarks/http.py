"""`POST /jobs` against bare FastAPI routes: the same client, the same server process, in turns."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import orjson

from benchmarks.measures import NOTE, part
from benchmarks.server import ADDRESS, Bench, run
from domain.identifiers import UserId
from entrypoints import bootstrap

BODY = orjson.dumps({"job_type": "sample_task", "job_parameters": {"result": NOTE}})
CONNECTIONS = 8


def requests_per_second(path: str, *, seconds: float, token: str = "") -> float:
    """Answered requests a second over a few kept connections, by the plainest client there is."""
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: {ADDRESS[0]}",
        "Content-Type: application/json",
        f"Content-Length: {len(BODY)}",
        *([f"Authorization: Bearer {token}"] if token else []),
    ]
    request = "\r\n".join(lines).encode() + b"\r\n\r\n" + BODY

    async def measure() -> float:
        count = 0
        end = time.perf_counter() + seconds

        async def connection() -> None:
            nonlocal count
            reader, writer = await asyncio.open_connection(*ADDRESS)
            while time.perf_counter() < end:
                writer.write(request)
                head = await reader.readuntil(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 202"), head
                length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                await reader.readexactly(length)
                count += 1
            writer.close()

        await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))
        return count / seconds

    rate: float = run(measure())
    return rate


def post_jobs(bench: Bench, *, seconds: float) -> float:
    bench.fresh()
    issuer = bootstrap.local_issuer(bench.settings)
    assert issuer
    token = issuer.issue(user_id=UserId("bench"))
    with part(bench, "api"):
        until_up("/health/db")
        requests_per_second("/jobs", seconds=0.5, token=token)
        return requests_per_second("/jobs", seconds=seconds, token=token)


def bare_routes(bench: Bench, *, seconds: float) -> dict[str, float]:
    bench.fresh()
    bench.run(
        "CREATE TABLE bare (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, payload jsonb NOT NULL)",
        "GRANT INSERT, SELECT ON bare TO jobledger_service",
    )
    with _bare_server(bench):
        until_up("/docs")
        return {path: requests_per_second(f"/{path}", seconds=seconds) for path in ("bare", "insert")}


@contextmanager
def _bare_server(bench: Bench) -> Iterator[None]:
    environment = os.environ | {"BARE_DATABASE_URL": bench.settings.database_url}
    command = [
        sys.executable, "-m", "uvicorn", "benchmarks.bare_app:app", "--port", str(ADDRESS[1]),
        "--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning",
    ]  # fmt: skip
    process = subprocess.Popen(command, env=environment)  # noqa: S603 - our own command
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def until_up(path: str) -> None:
    for _ in range(200):
        try:
            if httpx.get(f"http://{ADDRESS[0]}:{ADDRESS[1]}{path}", trust_env=False).is_success:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"{path} did not come up")
