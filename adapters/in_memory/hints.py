"""Hints within one process."""

import asyncio
from collections import defaultdict
from contextlib import suppress

from domain.ports.hints import Topic


class InMemoryHints:
    def __init__(self) -> None:
        self.announced: list[Topic] = []
        self._heard: defaultdict[Topic, asyncio.Event] = defaultdict(asyncio.Event)

    def announce(self, topic: Topic) -> None:
        self.announced.append(topic)
        self._heard[topic].set()

    async def wait(self, topic: Topic, *, at_most: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._heard[topic].wait(), at_most)
        self._heard[topic].clear()
