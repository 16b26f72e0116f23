"""Calls on Modal: each is one attempt at one job, run by `process_job` of entrypoints/modal_app.py."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import modal
import structlog
from modal.exception import (
    AuthError,
    ConnectionError,  # noqa: A004 - Modal's, which is not the built-in one
    ExecutionError,
    FunctionTimeoutError,
    InternalError,
    InternalFailure,
    NotFoundError,
    OutputExpiredError,
    PermissionDeniedError,
    RemoteError,
    ResourceExhaustedError,
    ServiceError,
)

from domain.errors import ComputeUnavailable
from domain.identifiers import Json
from domain.ports.remote_compute import Call, Fate
from domain.routes import MODAL

FUNCTION = "process_job"
MAX_PARAMETER_BYTES = 4096
"""What is sent along; Modal itself would put more than 8 KiB into a blob store of its own first."""

UNAVAILABLE = (
    AuthError,
    ConnectionError,
    InternalError,
    PermissionDeniedError,
    ResourceExhaustedError,
    ServiceError,
    OSError,
)
"""What says that Modal did not do what it was asked, rather than how it ended."""

log = structlog.get_logger()


class ModalCompute:
    """The deployed app `app_name`, in the environment that Modal's own settings name.

    Spawning is not idempotent and may have happened although it raised: whoever is spawned claims first.
    """

    name = MODAL

    def __init__(self, *, app_name: str, deadline_seconds: float, client: modal.Client | None = None) -> None:
        # The client would wait without limit while it is throttled; it reads this at each request.
        os.environ.setdefault("MODAL_MAX_THROTTLE_WAIT", str(max(1, int(deadline_seconds))))
        self._deadline_seconds = deadline_seconds
        self._client = client
        # Looked up at the first call; the handle outlives deployments.
        self._function = modal.Function.from_name(app_name, FUNCTION, client=client)

    async def spawn(self, call: Call) -> str:
        fields = call._asdict() | {"job_parameters": _small(call.job_parameters)}
        async with self._asking("spawn"):
            try:
                spawned = await self._function.spawn.aio(**fields)
            except NotFoundError as error:
                raise ComputeUnavailable(f"Nothing is deployed there: {error}") from error
        return spawned.object_id

    async def fate(self, call_id: str) -> Fate:
        try:
            async with self._asking("fate"):
                return await self._outcome(call_id)
        except (OutputExpiredError, NotFoundError):
            return Fate.FORGOTTEN

    async def _outcome(self, call_id: str) -> Fate:
        call = modal.FunctionCall.from_id(call_id, client=self._client)
        try:
            await call.get.aio(timeout=0)
        except TimeoutError:
            return Fate.NOT_FINISHED
        except FunctionTimeoutError:
            return Fate.TIMED_OUT
        except (InternalFailure, ExecutionError, RemoteError):
            # Cancelled ones too: they come as RemoteError.
            return Fate.BROKEN
        except (*UNAVAILABLE, OutputExpiredError, NotFoundError):
            raise
        except Exception:  # noqa: BLE001 - whatever `process_job` raised is raised here again
            return Fate.RAISED
        return Fate.FINISHED

    async def terminate(self, call_id: str) -> None:
        async with self._asking("terminate"):
            call = modal.FunctionCall.from_id(call_id, client=self._client)
            try:
                await call.cancel.aio(terminate_containers=True)
            except NotFoundError:
                return

    @asynccontextmanager
    async def _asking(self, what: str) -> AsyncIterator[None]:
        """A request to Modal, under the deadline: unreachable, it would otherwise take a minute to say so."""
        try:
            async with asyncio.timeout(self._deadline_seconds):
                yield
        except TimeoutError as error:
            told = f"Modal did not answer in {self._deadline_seconds:g} s."
            log.warning("modal.unavailable", asked=what, error=told)
            raise ComputeUnavailable(told) from error
        except UNAVAILABLE as error:
            log.warning("modal.unavailable", asked=what, error=str(error))
            raise ComputeUnavailable(f"Modal cannot be asked: {error}") from error


def _small(parameters: Json) -> Json:
    size = len(json.dumps(parameters, separators=(",", ":"), ensure_ascii=False).encode())
    return parameters if size <= MAX_PARAMETER_BYTES else None
