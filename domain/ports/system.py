"""Time, chance and names: what a simulation decides itself."""

from datetime import datetime
from typing import Protocol

from domain.identifiers import JobId


class Clock(Protocol):
    def now(self) -> datetime:
        """The time, in UTC."""

    async def sleep(self, seconds: float) -> None: ...


class Ids(Protocol):
    def job_id(self) -> JobId:
        """A new UUIDv7."""

    def command_id(self) -> str:
        """A new UUIDv7 for one command."""


class Randomness(Protocol):
    def chance(self) -> float:
        """Uniform in [0, 1)."""


class Secrets(Protocol):
    def secret(self, size: int) -> bytes:
        """`size` bytes that nobody can guess."""
