"""What loops do when a step fails: say it, and go on."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from structlog.testing import capture_logs

from domain.errors import CopiesUnavailable, StorageUnavailable
from entrypoints.loops import repeat
from entrypoints.metrics.catalogue import LOOP_FAILURES
from entrypoints.metrics.tallies import Tallies


def failing_once(error: Exception, leaving: asyncio.Event) -> Callable[[], Awaitable[None]]:
    raised: list[Exception] = []

    async def step() -> None:
        if raised:
            leaving.set()
            return
        raised.append(error)
        raise error

    return step


@pytest.mark.parametrize(
    ("error", "event", "is_traced"),
    [
        (StorageUnavailable("The database is away."), "storage.unavailable", False),
        (CopiesUnavailable("/copies cannot be written to."), "step.failed", False),
        (ZeroDivisionError("a mistake"), "step.failed", True),
    ],
)
async def test_a_failed_step_is_told_and_tried_again(error: Exception, event: str, is_traced: bool) -> None:
    leaving, tallies = asyncio.Event(), Tallies()
    with capture_logs() as logs:
        await repeat("signer", failing_once(error, leaving), leaving=leaving, tallies=tallies)
    (told,) = logs

    assert (told["event"], told["loop"], "exc_info" in told) == (event, "signer", is_traced)
    assert is_traced or told["error"] == str(error)
    assert dict(tallies.samples())[LOOP_FAILURES] == {("signer",): 1}
