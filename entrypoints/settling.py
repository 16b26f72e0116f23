"""Writing down how attempts ended, many at a time."""

import asyncio
from collections import Counter
from collections.abc import Collection

import structlog

from domain.attempts import Attempt, GivenUp, Outcome
from domain.errors import StorageUnavailable
from domain.identifiers import WorkerId
from domain.use_cases.settle import Finished, settle
from entrypoints.leases import LeaseKeeper
from entrypoints.metrics.catalogue import ATTEMPTS_SETTLED, LEASES_LOST
from entrypoints.services import Services

log = structlog.get_logger()


class Settler:
    """Settles a worker's attempts, and keeps their leases until it has; sets `changed` when it did."""

    def __init__(
        self, services: Services, leases: LeaseKeeper, worker_id: WorkerId, changed: asyncio.Event
    ) -> None:
        self._services = services
        self._leases = leases
        self._worker_id = worker_id
        self._changed = changed
        self._unsettled: dict[Attempt, Finished] = {}
        self._next: list[Finished] = []
        self._has_next = asyncio.Event()

    @property
    def unsettled(self) -> Collection[Attempt]:
        """The attempts that ended and whose outcome is not written yet."""
        return self._unsettled.keys()

    def add(self, attempt: Attempt, outcome: Outcome) -> None:
        """Have the outcome written with the next batch."""
        self._leases.hold_until_settled(attempt)
        finished = Finished(attempt=attempt, outcome=outcome, command_id=self._services.ids.command_id())
        self._unsettled[attempt] = finished
        self._next.append(finished)
        self._has_next.set()

    async def settle(self) -> None:
        """Wait for outcomes and write them; those that could not be written stay for the next call."""
        await self._has_next.wait()
        self._has_next.clear()
        batch, self._next = self._next, []
        try:
            await self._write(batch)
        except BaseException:
            self._next = [item for item in batch if item.attempt in self._unsettled] + self._next
            self._has_next.set()
            raise

    async def _write(self, batch: list[Finished]) -> None:
        services = self._services
        try:
            await settle(
                services.store,
                services.views,
                services.hints,
                services.types,
                services.clock,
                services.randomness,
                worker_id=self._worker_id,
                finished=batch,
            )
        except StorageUnavailable:
            raise
        except Exception:
            # One outcome that cannot be written must not hold up the others; its lease brings its job back.
            if len(batch) == 1:
                log.exception("attempt.unsettled", job_id=batch[0].attempt.job_id)
                self._forget(batch[0].attempt)
                return
            for item in batch:
                await self._write([item])
            return
        for finished in batch:
            self._forget(finished.attempt)
        # One line a batch: the history tells of each attempt.
        outcomes = Counter(type(finished.outcome).__name__ for finished in batch)
        log.info("attempts.settled", **outcomes)
        for outcome, times in outcomes.items():
            services.tallies.add(ATTEMPTS_SETTLED, times, outcome)
        services.tallies.add(LEASES_LOST, outcomes[GivenUp.__name__])
        self._changed.set()

    def _forget(self, attempt: Attempt) -> None:
        del self._unsettled[attempt]
        self._leases.let_go(attempt)
