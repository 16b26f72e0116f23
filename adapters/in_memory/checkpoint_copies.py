"""Copies of checkpoints in memory; `notes` are all that were kept, the last one last."""

from domain.errors import CopiesUnavailable


class InMemoryCheckpointCopies:
    def __init__(self) -> None:
        self.notes: list[str] = []
        self.is_reachable = True

    async def last(self) -> str | None:
        self._reach()
        return self.notes[-1] if self.notes else None

    async def keep(self, note: str) -> None:
        self._reach()
        self.notes.append(note)

    def _reach(self) -> None:
        if not self.is_reachable:
            raise CopiesUnavailable("The copies cannot be reached.")
