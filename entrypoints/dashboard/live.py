"""Pages that stay up to date: server-sent events that carry a part of the page whenever it changed."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime

from fastapi import Response
from fastapi.responses import StreamingResponse

from domain.errors import JobledgerError
from entrypoints.api.job_stream import EVENT_STREAM, HEADERS, HEARTBEAT, HEARTBEAT_SECONDS
from entrypoints.api.watching import JobWatch
from entrypoints.services import Services

# At most one part in so many of the time is spent on one page that somebody leaves open.
REST_AFTER_WORK = 10.0

Draw = Callable[[], Awaitable[str]]


def stream(draw: Draw, services: Services, watch: JobWatch, *, until: datetime, every: float) -> Response:
    told = tell_page(draw, services, watch, until=until, every=every)
    return StreamingResponse(told, media_type=EVENT_STREAM, headers=HEADERS)


async def tell_page(
    draw: Draw, services: Services, watch: JobWatch, *, until: datetime, every: float
) -> AsyncIterator[bytes]:
    """What `draw` makes, each time it differs from the last; looked at anew `every` so many seconds.

    What takes long to draw is looked at less often, so that nobody who looks slows the service down. Ends
    when the token does, when the server leaves, and when the page cannot be made: whoever comes back
    is then told what is wrong.
    """
    last = ""
    silent_for = 0.0
    while services.clock.now() < until and not watch.is_closed:
        began = time.monotonic()
        try:
            drawn = await draw()
        except JobledgerError:
            return
        pause = max(every, REST_AFTER_WORK * (time.monotonic() - began))
        if drawn != last:
            yield b"".join(b"data: %s\n" % line.encode() for line in drawn.splitlines()) + b"\n"
            last, silent_for = drawn, 0.0
        elif silent_for >= HEARTBEAT_SECONDS:
            yield HEARTBEAT
            silent_for = 0.0
        await asyncio.sleep(pause)
        silent_for += pause
