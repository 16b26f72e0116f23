"""What one request may take: how large its body is, and how long it may take to answer. Pure ASGI."""

import asyncio
import re
import time
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from entrypoints.api.problem_answers import problem
from entrypoints.api.problems import HTTP_KINDS, Kind

MAX_BODY_BYTES = 1024 * 1024
# A thousand jobs of four kilobytes each.
MAX_BATCH_BYTES = 4 * 1024 * 1024
BATCHES = "/jobs/batch"
# Bounded, because Python refuses to read integers of thousands of digits.
LENGTH = re.compile(rb"[0-9]{1,15}")
RETRY_LATER = {"Retry-After": "5"}


class RequestBounds:
    """Refuses a body above the limit, announced or in chunks, and what has no answer after `seconds`.

    What has begun to answer, as a stream does, is not timed any more. All requests share one look a second
    at the clock, because a timer for each would cost more than all layers together.
    """

    def __init__(self, app: ASGIApp, *, seconds: float, look_every: float = 1.0) -> None:
        self._app = app
        self._seconds = seconds
        self._look_every = look_every
        self._began: dict[asyncio.Task[object], float] = {}
        self._late: set[asyncio.Task[object]] = set()
        self._watching: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        at_most = MAX_BATCH_BYTES if scope["path"] == BATCHES else MAX_BODY_BYTES
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if not LENGTH.fullmatch(announced) or int(announced) > at_most:
            await _refuse_size(at_most, scope, receive, send)
            return
        task = asyncio.current_task()
        assert task is not None, "ASGI runs in tasks"  # noqa: S101 - narrows
        answer = _Answer(send, lambda: self._began.pop(task, None))
        self._time(task)
        try:
            await self._app(scope, _counting(receive, at_most), answer.send)
        except _TooLarge:
            if not answer.has_begun:
                await _refuse_size(at_most, scope, receive, send)
        except asyncio.CancelledError:
            if task not in self._late:
                raise
            task.uncancel()
            told = f"There was no answer within {self._seconds:g} seconds; what was asked may still happen."
            await _refuse(HTTP_KINDS[503], told, scope, receive, send, RETRY_LATER)
        finally:
            self._began.pop(task, None)
            self._late.discard(task)

    def _time(self, task: asyncio.Task[object]) -> None:
        self._began[task] = time.monotonic()
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while self._began:
            await asyncio.sleep(self._look_every)
            due = time.monotonic() - self._seconds
            for task in [task for task, began in self._began.items() if began <= due]:
                del self._began[task]
                self._late.add(task)
                task.cancel()


class _Answer:
    """Passes an answer on, and tells when it begins."""

    def __init__(self, send: Send, on_begin: Callable[[], object]) -> None:
        self._send = send
        self._on_begin = on_begin
        self.has_begun = False

    async def send(self, message: Message) -> None:
        if not self.has_begun:
            self.has_begun = True
            self._on_begin()
        await self._send(message)


def _counting(receive: Receive, at_most: int) -> Receive:
    received = 0

    async def counting_receive() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > at_most:
            raise _TooLarge
        return message

    return counting_receive


async def _refuse_size(at_most: int, scope: Scope, receive: Receive, send: Send) -> None:
    detail = f"A request's body has at most {at_most} bytes here."
    await _refuse(HTTP_KINDS[413], detail, scope, receive, send)


async def _refuse(
    kind: Kind,
    detail: str,
    scope: Scope,
    receive: Receive,
    send: Send,
    headers: dict[str, str] | None = None,
) -> None:
    answer = problem(
        kind, detail, request_id=scope["state"]["request_id"], path=scope["path"], headers=headers
    )
    await answer(scope, receive, send)


class _TooLarge(BaseException):
    """Not an Exception, so that nothing between here and the reader of the body takes it for its own."""
