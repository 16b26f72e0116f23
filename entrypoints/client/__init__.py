"""A client of Jobledger on httpx alone: `Jobledger` and, with the same words, `AsyncJobledger`.

    with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {token}"}) as http:
        jobs = Jobledger(http)
        job = jobs.wait(jobs.submit("sample_task", {"steps": 2})["id"])

It imports nothing else of this repository. Cancel and retry are asked again only when the first time cannot
have arrived; a submission always may be, under its idempotency key.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from entrypoints.client import calls
from entrypoints.client.calls import Ask, Call, Json, Pause, Reply

TIMEOUT_SECONDS = 35


class Jobledger:
    """Over a client of yours that knows the address and the token; raises `ServiceProblem` when refused."""

    def __init__(self, http: httpx.Client, *, pause: Callable[[float], None] = time.sleep) -> None:
        self._http = http
        self._pause = pause

    def submit(
        self, job_type: str, parameters: Json, *, idempotency_key: str | None = None, **options: Any
    ) -> Json:
        """Submit a job once, however often it must be asked; `options` are the other fields of POST /jobs."""
        return self._run(calls.submit(job_type, parameters, options, idempotency_key))

    def get(self, job_id: str) -> Json:
        return self._run(calls.get(job_id))

    def wait(self, job_id: str) -> Json:
        """The job once it has ended, in whichever way."""
        return self._run(calls.wait(job_id))

    def cancel(self, job_id: str, *, reason: str) -> Json:
        return self._run(calls.act("cancel", job_id, reason))

    def retry(self, job_id: str, *, reason: str) -> Json:
        return self._run(calls.act("retry", job_id, reason))

    def _run(self, call: Call) -> Json:
        reply: Reply = None
        while True:
            try:
                step = call.send(reply)
            except StopIteration as done:
                found: Json = done.value
                return found
            if isinstance(step, Pause):
                self._pause(step.seconds)
                reply = None
            else:
                reply = self._ask(step)

    def _ask(self, ask: Ask) -> Reply:
        try:
            return self._http.request(
                ask.method, ask.path, json=ask.body, headers=ask.headers, timeout=TIMEOUT_SECONDS
            )
        except httpx.TransportError as error:
            return error


class AsyncJobledger:
    """`Jobledger` for asyncio."""

    def __init__(
        self, http: httpx.AsyncClient, *, pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._http = http
        self._pause = pause

    async def submit(
        self, job_type: str, parameters: Json, *, idempotency_key: str | None = None, **options: Any
    ) -> Json:
        return await self._run(calls.submit(job_type, parameters, options, idempotency_key))

    async def get(self, job_id: str) -> Json:
        return await self._run(calls.get(job_id))

    async def wait(self, job_id: str) -> Json:
        return await self._run(calls.wait(job_id))

    async def cancel(self, job_id: str, *, reason: str) -> Json:
        return await self._run(calls.act("cancel", job_id, reason))

    async def retry(self, job_id: str, *, reason: str) -> Json:
        return await self._run(calls.act("retry", job_id, reason))

    async def _run(self, call: Call) -> Json:
        reply: Reply = None
        while True:
            try:
                step = call.send(reply)
            except StopIteration as done:
                found: Json = done.value
                return found
            if isinstance(step, Pause):
                await self._pause(step.seconds)
                reply = None
            else:
                reply = await self._ask(step)

    async def _ask(self, ask: Ask) -> Reply:
        try:
            return await self._http.request(
                ask.method, ask.path, json=ask.body, headers=ask.headers, timeout=TIMEOUT_SECONDS
            )
        except httpx.TransportError as error:
            return error
