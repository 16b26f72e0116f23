"""Whether the store can be reached."""

from typing import Protocol


class Health(Protocol):
    async def check(self) -> None:
        """Return when a query got through; raises StorageUnavailable within a second or so otherwise."""
