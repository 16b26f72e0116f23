"""Time, names and chance as a test wants them."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

from domain.identifiers import JobId
from tests.builders import NOW


@dataclass
class FakeClock:
    at: datetime = NOW

    def now(self) -> datetime:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass
class CountingIds:
    """UUIDs in the order in which they are asked for."""

    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    def job_id(self) -> JobId:
        return JobId(self.command_id())

    def command_id(self) -> str:
        return f"019a0000-0000-7000-8000-{next(self._numbers):012x}"


@dataclass
class FixedChance:
    value: float = 0.0

    def chance(self) -> float:
        return self.value


@dataclass
class CountingSecrets:
    """Each secret is another, and known."""

    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    def secret(self, size: int) -> bytes:
        return bytes([next(self._numbers)]) * size
