"""The real clock, real chance and real names."""

import asyncio
import random
import secrets
from datetime import UTC, datetime

import uuid_utils

from domain.identifiers import JobId


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Uuid7Ids:
    def job_id(self) -> JobId:
        return JobId(str(uuid_utils.uuid7()))

    def command_id(self) -> str:
        return str(uuid_utils.uuid7())


class SystemRandomness:
    def chance(self) -> float:
        return random.random()  # noqa: S311 - spreads retries, guards no secret


class SystemSecrets:
    def secret(self, size: int) -> bytes:
        return secrets.token_bytes(size)
