"""Copies of checkpoints in a directory, which should lie on another disk than the database, or another host.

The file is named as in C2SP tlog-tiles. A mounted bucket will do, or a directory that is copied elsewhere.
"""

import asyncio
import os
import tempfile
from pathlib import Path

from domain.errors import CopiesUnavailable

FILE = "checkpoint"


class CheckpointDirectory:
    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def last(self) -> str | None:
        try:
            return await asyncio.to_thread(self._read)
        except OSError as error:
            raise CopiesUnavailable(f"{self._directory} cannot be read: {error.strerror}.") from error

    async def keep(self, note: str) -> None:
        try:
            await asyncio.to_thread(self._write, note)
        except OSError as error:
            raise CopiesUnavailable(f"{self._directory} cannot be written to: {error.strerror}.") from error

    def _read(self) -> str | None:
        try:
            return (self._directory / FILE).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def _write(self, note: str) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=self._directory)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(note)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(0o644)
            Path(name).replace(self._directory / FILE)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        directory = os.open(self._directory, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
