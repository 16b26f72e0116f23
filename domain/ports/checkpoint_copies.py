"""What was signed, outside the database: whoever rewrites the database does not reach it there."""

from typing import Protocol


class CheckpointCopies(Protocol):
    """Both methods raise CopiesUnavailable."""

    async def last(self) -> str | None:
        """The last signed note that was kept; None where none ever was."""

    async def keep(self, note: str) -> None:
        """Keep a signed note, durably, and whole or not at all."""
