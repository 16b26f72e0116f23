"""Wake-up calls between processes: they save waiting, and losing one costs only that."""

from enum import StrEnum
from typing import Protocol


class Topic(StrEnum):
    OUTBOX = "outbox"
    QUEUE = "queue"
    CANCELLATION = "cancellation"
    LEDGER = "ledger"


class Hints(Protocol):
    def announce(self, topic: Topic) -> None:
        """Tell every waiter of the topic, soon and coalesced; never blocks, never fails."""

    async def wait(self, topic: Topic, *, at_most: float) -> None:
        """Return when the topic was announced since the last wait, or after `at_most` seconds."""
