"""Copies of checkpoints on a volume of Modal's: a directory, of which others see what was committed."""

import asyncio
from pathlib import Path

import modal
from modal.exception import Error

from adapters.checkpoint_directory import CheckpointDirectory
from domain.errors import CopiesUnavailable


class ModalCheckpoints:
    """The volume `name`, mounted at `directory`; of two that write at once the last one's copy stays."""

    def __init__(
        self, directory: Path, *, name: str, deadline_seconds: float, client: modal.Client | None = None
    ) -> None:
        self._directory = CheckpointDirectory(directory)
        self._volume = modal.Volume.from_name(name, client=client)
        self._deadline_seconds = deadline_seconds

    async def last(self) -> str | None:
        return await self._directory.last()

    async def keep(self, note: str) -> None:
        await self._directory.keep(note)
        try:
            async with asyncio.timeout(self._deadline_seconds):
                # Modal's stub of this method has no types.
                await self._volume.commit.aio()  # type: ignore[no-untyped-call]
        except (Error, OSError, RuntimeError, TimeoutError) as error:
            raise CopiesUnavailable(f"The volume of checkpoints cannot be written to: {error}") from error
