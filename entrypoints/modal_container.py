"""What a container on Modal does when it is called; entrypoints/modal_app.py declares the calls."""

import asyncio
import os
from contextlib import AsyncExitStack
from typing import Any

import structlog

from domain.errors import ComputeUnavailable
from domain.events import Actor, ActorKind
from domain.identifiers import JobId, Json
from domain.ports.job_queue import HeldLease
from domain.routes import MODAL
from domain.use_cases.claim_dispatched import claim_dispatched
from entrypoints import bootstrap
from entrypoints.dispatcher import dispatch_once
from entrypoints.keep_up import keep_up_for
from entrypoints.log_setup import set_up_logging
from entrypoints.lone_worker import LoneWorker
from entrypoints.modal_bootstrap import waking
from entrypoints.modal_plan import JOB_POOL, JOB_TRANSACTIONS
from entrypoints.recovery import sweep_once
from entrypoints.services import Services
from entrypoints.settings import Settings, load_settings

log = structlog.get_logger()


def settings_on_modal() -> Settings:
    """The settings of this container; jobs run on Modal unless they are told otherwise."""
    settings = load_settings()
    if "job_compute" in settings.model_fields_set:
        return settings
    return settings.model_copy(update={"job_compute": [MODAL]})


class Container:
    """What one container keeps between its calls, opened by the first.

    It is never closed: a container ends without a word, and the database notices.
    """

    def __init__(self) -> None:
        self._opening = asyncio.Lock()
        # Kept, because what it holds open is closed with it.
        self._stack = AsyncExitStack()
        self._opened: tuple[Services, Settings] | None = None
        self._worker: LoneWorker | None = None

    async def open(self) -> tuple[Services, Settings]:
        async with self._opening:
            if self._opened is None:
                settings = settings_on_modal().model_copy(
                    update={
                        "database_pool_size": JOB_POOL,
                        "worker_transactions": JOB_TRANSACTIONS,
                        "worker_concurrency": 1,
                    }
                )
                set_up_logging(settings.log_level)
                opening = bootstrap.open_services(settings, bootstrap.tracing("modal"))
                self._opened = await self._stack.enter_async_context(opening), settings
            return self._opened

    async def _working(self) -> LoneWorker:
        """The worker of this container: one for all its calls, as it is one for a process elsewhere."""
        services, settings = await self.open()
        async with self._opening:
            if self._worker is None:
                compute = bootstrap.local_compute(services, settings, name=MODAL)
                worker = LoneWorker(services, compute, settings)
                await self._stack.enter_async_context(worker.helping())
                self._worker = worker
            return self._worker

    async def run_job(
        self, *, job_id: str, msg_id: int | None, read_ct: int | None, call_id: str | None
    ) -> dict[str, Json]:
        """Claim the job and run one attempt at it, or leave; what became of it, for people who look.

        Raises StorageUnavailable when it cannot even claim. Being cancelled, which is also how preemption
        looks, leaves the attempt to its lease.
        """
        services, settings = await self.open()
        told = await _told(services, settings, JobId(job_id), msg_id, read_ct)
        worker = await self._working()
        attempt = told and await claim_dispatched(
            services.store,
            services.views,
            services.queue,
            services.dispatches,
            services.hints,
            services.types,
            services.clock,
            services.ids,
            services.randomness,
            claimer=worker.claimer,
            told=told,
            call_id=call_id,
            lease_seconds=settings.lease_seconds,
        )
        if not attempt:
            log.info("call.left", job_id=job_id, call_id=call_id)
            return {"job_id": job_id, "attempt": None, "status": None}
        await worker.run_one(attempt)
        if worker.has_abandoned and call_id:
            await _stop_this_container(settings, call_id)
        view = await services.views.get(attempt.job_id)
        status = view.job.status.value if view else None
        return {"job_id": job_id, "attempt": attempt.number, "status": status}

    async def recover(self) -> dict[str, Json]:
        """One sweep for stuck and orphaned jobs, and a look at calls that came to nothing."""
        services, settings = await self.open()
        actor = Actor(ActorKind.RECOVERY, "modal-schedule")
        sweep = await sweep_once(services, settings, actor=actor)
        if compute := bootstrap.remote_compute(settings):
            await dispatch_once(services, compute, settings)
        return {"scanned": sweep.scanned, "acted": len(sweep.acted), "skipped": len(sweep.skipped)}

    async def keep_up(self) -> dict[str, Json]:
        """Relay, dispatch and count while there is something to do; what is recorded wakes who seals it."""
        services, settings = await self.open()
        compute = bootstrap.remote_compute(settings)
        if not settings.modal_seals:
            return await keep_up_for(services, compute, settings)
        async with waking(settings, "seal") as wake:
            return await keep_up_for(services, compute, settings, tell_of_events=wake)


async def _told(
    services: Services, settings: Settings, job_id: JobId, msg_id: Any, read_ct: Any
) -> HeldLease | None:
    """The message to claim; a call that names none looks for its job's, in the outbox too."""
    if msg_id is not None:
        return HeldLease(msg_id, read_ct or 0)
    if found := await services.dispatches.find_unclaimed(job_id):
        return found
    handed = await services.dispatches.hand_over(
        compute=MODAL, limit=1, max_unclaimed=1, claim_seconds=settings.modal_claim_seconds, only=job_id
    )
    return handed[0].lease if handed else None


async def _stop_this_container(settings: Settings, call_id: str) -> None:
    """A function that ignored being stopped is still at work here, and would stay with the next call."""
    compute = bootstrap.remote_compute(settings)
    if not compute:
        return
    log.warning("container.stopping", call_id=call_id)
    try:
        await compute.terminate(call_id)
    except ComputeUnavailable:
        # Modal does not hear containers that run users' functions beside a ledger's key, and may not be there
        # either. It makes this call once more, in a container that finds it claimed, and leaves.
        os._exit(1)
