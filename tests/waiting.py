"""Waiting for what somebody else does: by looking, where nothing tells."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable

import pytest

LOOK_AGAIN_SECONDS = 0.01


async def until(
    holds: Callable[[], bool | Awaitable[bool]],
    *,
    at_most: float = 60,
    told: Callable[[], str] = lambda: "it never came to be",
) -> None:
    """Return as soon as it holds; fails after `at_most` seconds with what `told` says."""
    try:
        async with asyncio.timeout(at_most):
            while True:
                answer = holds()
                if await answer if inspect.isawaitable(answer) else answer:
                    return
                # What is waited for may be another process's doing, and needs the processor too.
                await asyncio.sleep(LOOK_AGAIN_SECONDS)
    except TimeoutError:
        pytest.fail(told())
