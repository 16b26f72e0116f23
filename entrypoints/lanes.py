"""Where a worker takes its attempts from: the queue at large, or the jobs set apart in it."""

import asyncio
from collections.abc import Collection
from typing import Protocol

from domain.attempts import Attempt
from domain.claims import Claimer
from domain.use_cases.claim import claim
from domain.use_cases.claim_isolated import claim_isolated
from entrypoints.services import Services
from entrypoints.settings import Settings


class Lane(Protocol):
    """`serves` says whether new jobs come by it."""

    serves: bool

    async def claim(
        self, claimer: Claimer, *, limit: int, beside: Collection[Attempt], is_sound: bool
    ) -> list[Attempt]:
        """Start up to `limit` attempts in a process that runs those `beside`.

        One that is not sound has functions at work in it that it could not stop. Raises StorageUnavailable.
        """


class OrdinaryLane:
    serves = True

    def __init__(self, services: Services, settings: Settings) -> None:
        self._services = services
        self._settings = settings

    async def claim(
        self,
        claimer: Claimer,
        *,
        limit: int,
        beside: Collection[Attempt],  # noqa: ARG002 - whatever runs already, new jobs may join it
        is_sound: bool,  # noqa: ARG002 - and the fence holds what cannot be stopped
    ) -> list[Attempt]:
        services = self._services
        return await claim(
            services.store,
            services.queue,
            services.hints,
            services.types,
            services.clock,
            services.ids,
            services.randomness,
            claimer=claimer,
            limit=limit,
            lease_seconds=self._settings.lease_seconds,
        )


class IsolatedLane:
    """Isolated jobs; sets `leaving` when none has come for `IDLE_SECONDS`, or the process is not sound."""

    IDLE_SECONDS = 10.0
    serves = False

    def __init__(self, services: Services, settings: Settings, leaving: asyncio.Event) -> None:
        self._services = services
        self._settings = settings
        self._leaving = leaving
        self._busy_at = asyncio.get_running_loop().time()

    async def claim(
        self, claimer: Claimer, *, limit: int, beside: Collection[Attempt], is_sound: bool
    ) -> list[Attempt]:
        if not is_sound:
            # Whoever has one chance left would not be alone here.
            self._leaving.set()
            return []
        services, settings = self._services, self._settings
        attempts = await claim_isolated(
            services.store,
            services.queue,
            services.hints,
            services.types,
            services.clock,
            services.ids,
            services.randomness,
            claimer=claimer,
            beside=[attempt.view.job for attempt in beside],
            most=settings.worker_concurrency,
            limit=limit,
            lease_seconds=settings.lease_seconds,
        )
        now = asyncio.get_running_loop().time()
        if attempts or beside:
            self._busy_at = now
        elif now - self._busy_at > self.IDLE_SECONDS:
            self._leaving.set()
        return attempts
