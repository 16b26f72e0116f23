"""Runs job types' functions in this process: async ones on the loop, the others in threads."""

import asyncio
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from contextvars import copy_context
from functools import partial
from typing import Any, cast

import structlog

from domain import decisions
from domain.attempts import AlreadySettled, Attempt, Completed, Failed, Outcome, StopReason, outcome_of_stop
from domain.errors import AttemptGivenUp, InvalidSubmission
from domain.events import Actor, ActorKind, Cause, JobError, JobEvent, Progress, Provenance
from domain.identifiers import JobId, Json
from domain.job import Job
from domain.job_types import JobType, JobTypes, NotRetryable, OutcomeTransaction, RetryLater
from domain.ports.event_store import EventStore
from domain.ports.parameters import ParameterParser
from domain.ports.system import Clock, Ids
from domain.routes import LOCAL

MAX_ERROR_CHARACTERS = 4000
MAX_RESULT_BYTES = 256 * 1024
MAX_REFERENCES = 1000

log = structlog.get_logger()


class LocalJobContext:
    """What a function sees of its attempt."""

    def __init__(self, attempt: Attempt, store: EventStore, clock: Clock, ids: Ids) -> None:
        self._attempt = attempt
        self._store = store
        self._clock = clock
        self._ids = ids
        self.data_references: tuple[str, ...] = ()
        self.settled: AlreadySettled | None = None
        self.saw_cancellation = False

    @property
    def job_id(self) -> JobId:
        return self._attempt.job_id

    @property
    def attempt(self) -> int:
        return self._attempt.number

    @property
    def is_cancelled(self) -> bool:
        stopped = self._attempt.stopped_for is not None
        self.saw_cancellation = self.saw_cancellation or stopped
        return stopped

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)

    def report_progress(self, *, percent: int | None = None, message: str | None = None) -> None:
        if percent is not None and not 0 <= percent <= 100:  # noqa: PLR2004 - per cent
            raise ValueError(f"percent must be between 0 and 100, got {percent}")
        self._attempt.progress = Progress(
            percent=percent, message=message[:MAX_ERROR_CHARACTERS] if message else message
        )

    def attach(self, *data_references: str) -> None:
        self.data_references = (self.data_references + data_references)[:MAX_REFERENCES]

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[OutcomeTransaction]:
        lease = self._attempt.lease
        provenance = Provenance(
            actor=Actor(ActorKind.WORKER, lease.worker_id),
            command_id=self._ids.command_id(),
            traceparent=self._attempt.view.traceparent,
        )

        def decide(job: Job, transaction: OutcomeTransaction) -> JobEvent:
            if not decisions.owns(job, attempt=self.attempt, lease=lease):
                raise AttemptGivenUp(self.job_id, self.attempt)
            # Until the commit is answered nobody here knows whether it was made.
            self._attempt.is_settling = True
            references = self.data_references + tuple(transaction.data_references)
            return decisions.complete(job, result=transaction.result, data_references=references)

        try:
            async with self._store.deciding(
                self.job_id, provenance=provenance, settles=lease.msg_id, decide=decide
            ) as transaction:
                yield transaction
        except BaseException:
            self._attempt.is_settling = False
            raise
        if transaction.after:
            self.settled = AlreadySettled(transaction.after)


class LocalCompute:
    """Compute in this process; `threads` bounds the functions that are not async.

    `name` is what attempts record: this process may be one of remote compute's.
    """

    def __init__(
        self,
        types: JobTypes,
        parser: ParameterParser,
        store: EventStore,
        clock: Clock,
        ids: Ids,
        *,
        threads: int,
        name: str = LOCAL,
    ) -> None:
        self.name = name
        self._types = types
        self._parser = parser
        self._store = store
        self._clock = clock
        self._ids = ids
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="job")

    async def run(self, attempt: Attempt) -> Outcome:  # noqa: PLR0911 - a return for each way to end
        kind = self._types.find(attempt.view.job.job_type)
        if kind is None:
            # Another worker may know it, as during a deploy: retryable, until the budget is spent.
            message = f"This worker knows no job type {attempt.view.job.job_type!r}."
            return Failed(cause=Cause.FAILED, error=JobError(type="UnknownJobType", message=message))
        context = LocalJobContext(attempt, self._store, self._clock, self._ids)
        # Whatever the function logs says whose line it is; the task that runs us keeps this to itself.
        structlog.contextvars.bind_contextvars(job_id=attempt.job_id, attempt=attempt.number)
        try:
            result = await self._call(kind, context, attempt)
        except Exception as error:  # noqa: BLE001 - whatever a function raises is its attempt's outcome
            if context.settled:
                return context.settled
            log.info("function.raised", error=repr(error), trace=traceback.format_exc())
            return _failure(error, attempt)
        if context.settled:
            return context.settled
        if context.saw_cancellation and attempt.stopped_for and not kind.is_async:
            seconds = attempt.view.job.timeout_seconds or kind.timeout_seconds
            return outcome_of_stop(attempt.stopped_for, timeout_seconds=seconds)
        problem = _not_json(result)
        if problem:
            return Failed(cause=Cause.FAILED, error=problem)
        return Completed(result=result, data_references=context.data_references)

    async def _call(self, kind: JobType, context: LocalJobContext, attempt: Attempt) -> Json:
        parameters = self._parser.parse(kind, attempt.view.job_parameters)
        if kind.is_async:
            call = cast("Callable[[Any, Any], Awaitable[Json]]", kind.function)
            return await call(context, parameters)
        loop = asyncio.get_running_loop()
        call_in_thread = partial(copy_context().run, kind.function, context, parameters)
        thread = loop.run_in_executor(self._threads, call_in_thread)
        while not thread.done():
            # A thread cannot be stopped, only told: who cancels us sees `is_cancelled` and, when the
            # function does not look, is abandoned by the worker after the grace period.
            with suppress(asyncio.CancelledError):
                await asyncio.wait({thread})
        return cast("Json", thread.result())


def _failure(error: Exception, attempt: Attempt) -> Failed:
    cause = Cause.TIMED_OUT if attempt.stopped_for is StopReason.TIMED_OUT else Cause.FAILED
    retryable = not isinstance(error, NotRetryable | InvalidSubmission)
    message = str(error)[:MAX_ERROR_CHARACTERS]
    return Failed(
        cause=cause,
        error=JobError(type=type(error).__name__, message=message, retryable=retryable),
        retry_after_seconds=error.after_seconds if isinstance(error, RetryLater) else 0.0,
    )


def _not_json(result: object) -> JobError | None:
    """What is wrong with a function's result, None when it is JSON of a bearable size."""
    try:
        size = _size(result)
    except (TypeError, RecursionError) as error:
        return JobError(type="ResultNotJson", message=f"The result is not JSON: {error}", retryable=False)
    if size > MAX_RESULT_BYTES:
        told = f"The result has {size} bytes of at most {MAX_RESULT_BYTES}: attach a reference instead."
        return JobError(type="ResultTooLarge", message=told, retryable=False)
    return None


def _size(value: object) -> int:
    """About the bytes that the value takes as JSON; raises TypeError for what JSON cannot say."""
    if value is None or isinstance(value, bool):
        return 5
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogatepass")) + 3
    if isinstance(value, int):
        return value.bit_length() // 3 + 2
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):  # noqa: PLR0124 - NaN is not itself
            raise TypeError(f"{value} is no JSON number")
        return 24
    if isinstance(value, list):
        return sum(map(_size, value)) + 2
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("an object's keys are strings")
        return sum(_size(key) + _size(item) for key, item in value.items()) + 2
    raise TypeError(f"{type(value).__name__} is no JSON value")
