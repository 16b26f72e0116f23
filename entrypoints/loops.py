"""What every long-running part does: repeat a step until told to leave, whatever goes wrong in it."""

import asyncio
import signal
from collections.abc import Awaitable, Callable

import structlog

from domain.errors import JobledgerError, StorageUnavailable
from entrypoints.metrics.catalogue import LOOP_FAILURES
from entrypoints.metrics.tallies import Tallies

log = structlog.get_logger()

FIRST_BACKOFF_SECONDS = 0.1
MAX_BACKOFF_SECONDS = 5.0


async def repeat(
    name: str, step: Callable[[], Awaitable[None]], *, leaving: asyncio.Event, tallies: Tallies | None = None
) -> None:
    """Run `step` again and again until `leaving`; after a failure log and count it, back off, and go on."""
    backoff = FIRST_BACKOFF_SECONDS
    while not leaving.is_set():
        try:
            await step()
            backoff = FIRST_BACKOFF_SECONDS
            continue
        except StorageUnavailable as error:
            log.warning("storage.unavailable", loop=name, error=str(error), retry_in_seconds=backoff)
        except JobledgerError as error:
            # It was foreseen, and its text says what to do: a trace would only hide that.
            log.error("step.failed", loop=name, error=str(error), retry_in_seconds=backoff)  # noqa: TRY400
        except Exception:
            log.exception("step.failed", loop=name, retry_in_seconds=backoff)
        if tallies:
            tallies.add(LOOP_FAILURES, 1, name)
        await wait_for(leaving, at_most=backoff)
        backoff = min(backoff * 2, MAX_BACKOFF_SECONDS)


async def wait_for(event: asyncio.Event, *, at_most: float) -> bool:
    """Whether the event came within `at_most` seconds."""
    try:
        await asyncio.wait_for(event.wait(), at_most)
    except TimeoutError:
        return False
    return True


def leave_on_signals() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set, instead of ending the process."""
    leaving = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, leaving.set)
    return leaving


async def first_of(*waits: Callable[[], Awaitable[object]]) -> None:
    """Return when one of the waits has ended; the others are cancelled."""
    tasks = [asyncio.ensure_future(wait()) for wait in waits]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
