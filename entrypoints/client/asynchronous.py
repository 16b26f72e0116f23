"""The client for asyncio: `Jobledger` word for word, which a test compares."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Self

import httpx

from . import calls
from .feed import Feed
from .problems import NotEndedYet
from .shapes import Event, Job, SubmissionResult
from .tokens import BearerToken

TIMEOUT_SECONDS = 35


class AsyncJobledger:
    """`Jobledger` for asyncio."""

    def __init__(
        self, http: httpx.AsyncClient, *, pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._http = http
        self._pause = pause

    @classmethod
    def at(cls, url: str, token: str | Callable[[], str]) -> Self:
        """A client of its own for the service at `url`; close it, or use it in `async with … as`."""
        return cls(httpx.AsyncClient(base_url=url, auth=BearerToken(token)))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._http.aclose()

    async def submit(
        self, job_type: str, parameters: Any = None, *, idempotency_key: str | None = None, **options: Any
    ) -> Job:
        """Submit a job once, however often it must be asked; `options` are the other fields of POST /jobs.

        Without an idempotency key this call makes one for itself; give your own where you may call again.
        """
        call = calls.submit(job_type, {} if parameters is None else parameters, options, idempotency_key)
        return await self._run(call)

    async def submit_many(
        self,
        jobs: Sequence[dict[str, Any]],
        *,
        all_or_nothing: bool = False,
        idempotency_key: str | None = None,
    ) -> list[SubmissionResult]:
        """Submit up to 1,000 jobs, each with the fields of POST /jobs; a result for each, in their order."""
        call = calls.submit_many(jobs, all_or_nothing=all_or_nothing, idempotency_key=idempotency_key)
        return await self._run(call)

    async def get(self, job_id: str, *, as_of: str | int | None = None) -> Job:
        """The job as it is, or as it was at a version or an RFC 3339 time."""
        return await self._run(calls.get(job_id, as_of=as_of))

    async def jobs(self, **filters: Any) -> AsyncIterator[Job]:
        """Your own jobs, newest first, page by page; `filters` are the parameters of GET /jobs."""
        place: str | None = None
        while True:
            page, place = await self._run(calls.page_of_jobs(filters, place))
            for job in page:
                yield job
            if place is None:
                return

    async def events(self, job_id: str, *, after: int = 0) -> AsyncIterator[Event]:
        """What happened to the job so far, from above version `after`."""
        place: str | None = None
        while True:
            page, place = await self._run(calls.page_of_events(job_id, after, place))
            for event in page:
                yield event
            if place is None:
                return

    async def explain(self, job_id: str) -> dict[str, Any]:
        """Why the job is where it is, and what happens next."""
        return await self._run(calls.explain(job_id))

    async def wait(self, job_id: str, *, at_most: float = float("inf")) -> Job:
        """The job once it has ended, in whichever way; raises NotEndedYet after `at_most` seconds."""
        end = time.monotonic() + at_most
        job = await self.get(job_id)
        while job["status"] not in calls.ENDED:
            left = end - time.monotonic()
            if left <= 0:
                raise NotEndedYet(job)
            job = await self._run(calls.wait_a_while(job_id, at_most=min(left, calls.WAIT_SECONDS)))
        return job

    async def watch(self, job_id: str, *, after: int = 0) -> AsyncIterator[Event]:
        """Each event of the job as it happens, from above version `after`, until the job has ended.

        A connection that is lost is taken up again after the last event that arrived: none is missed, and
        none comes twice.
        """
        feed = Feed(job_id, after)
        while True:
            reply: calls.Reply = None
            try:
                async with self._http.stream(
                    "GET", feed.path, headers=feed.headers, timeout=TIMEOUT_SECONDS
                ) as reply:
                    if feed.is_over(reply):
                        return
                    if not reply.is_success:
                        await reply.aread()
                    async for line in reply.aiter_lines():
                        event = feed.line(line.removesuffix("\r"))
                        if event:
                            yield event
            except httpx.TransportError as error:
                reply = error
            await self._pause(feed.pause(reply))

    async def cancel(self, job_id: str, *, reason: str, if_version: int | None = None) -> Job:
        """Cancel the job, or ask it to stop while it runs; Conflict when it has ended or moved on."""
        return await self._run(calls.act("cancel", job_id, reason, if_version))

    async def retry(self, job_id: str, *, reason: str, if_version: int | None = None) -> Job:
        """Try a failed or cancelled job once more."""
        return await self._run(calls.act("retry", job_id, reason, if_version))

    async def _run(self, call: calls.Call[calls.Found]) -> calls.Found:
        reply: calls.Reply = None
        while True:
            try:
                step = call.send(reply)
            except StopIteration as done:
                found: calls.Found = done.value
                return found
            if isinstance(step, calls.Pause):
                await self._pause(step.seconds)
                reply = None
            else:
                reply = await self._ask(step)

    async def _ask(self, ask: calls.Ask) -> calls.Reply:
        try:
            return await self._http.request(
                ask.method,
                ask.path,
                json=ask.body,
                headers=ask.headers,
                params=ask.params or None,
                timeout=TIMEOUT_SECONDS,
            )
        except httpx.TransportError as error:
            return error
