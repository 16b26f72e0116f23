"""The worker over the real queue: what it runs, how it stops, what it leaves behind."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, cast

import psycopg
import pytest
import structlog

from domain.events import (
    AttemptFailed,
    AttemptReleased,
    AttemptStarted,
    Cause,
    JobCancelled,
    JobCompleted,
    JobEvent,
    JobFailed,
    JobSubmitted,
    ProgressReported,
)
from domain.identifiers import JobId, Json
from domain.job_types import JobContext, JobTypes, NotRetryable, RetryLater, job_type
from domain.lifecycle import Status
from domain.ports.event_store import Change, EventStore
from domain.ports.job_queue import Extended, HeldLease, JobQueue
from domain.retries import RetryPolicy
from domain.sample_task import sample_task
from domain.use_cases.cancel import cancel_job
from domain.use_cases.command import load
from entrypoints import bootstrap
from entrypoints.metrics.catalogue import ATTEMPTS_LIMIT, LOOP_FAILURES
from entrypoints.relay import relay_until
from entrypoints.services import Services
from entrypoints.settings import Settings
from entrypoints.worker import Worker
from tests.builders import provenance, submission
from tests.conftest import TestDatabase
from tests.waiting import until

QUICK = RetryPolicy(first_delay_seconds=0.01, max_attempts=2)
DEADLINE_SECONDS = 20


class Gate:
    """Lets a test know that a function has begun, and the function know that it may end."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.may_end = asyncio.Event()
        self.thread_begun = threading.Event()


gate: Gate


@job_type("waits", retry=QUICK)
async def waits(context: JobContext, parameters: dict[str, Any]) -> Json:
    gate.begun.set()
    await gate.may_end.wait()
    return "done"


@job_type("stubborn", retry=QUICK)
async def stubborn(context: JobContext, parameters: dict[str, Any]) -> Json:
    gate.begun.set()
    while not gate.may_end.is_set():
        try:
            await gate.may_end.wait()
        except asyncio.CancelledError:
            continue
    return "too late"


@job_type("in_a_thread", retry=QUICK)
def in_a_thread(context: JobContext, parameters: dict[str, Any]) -> Json:
    gate.thread_begun.set()
    if parameters.get("until_cancelled"):
        turns = threading.Event()
        while not context.is_cancelled:
            turns.wait(0.005)
        return None
    return threading.current_thread().name


@job_type("transfers", retry=QUICK)
async def transfers(context: JobContext, parameters: dict[str, Any]) -> Json:
    async with context.transaction() as transaction:
        await transaction.connection.execute(
            "INSERT INTO transfers VALUES (%s, %s)", [context.job_id, context.attempt]
        )
        if context.attempt == 1:
            raise RuntimeError("the first attempt breaks in the middle")
        transaction.result = {"attempt": context.attempt}
    return "is ignored"


@job_type("holds_a_transaction", retry=QUICK)
async def holds_a_transaction(context: JobContext, parameters: dict[str, Any]) -> Json:
    async with context.transaction():
        gate.begun.set()
        await gate.may_end.wait()
    return None


@job_type("blocks_the_loop", retry=QUICK)
async def blocks_the_loop(context: JobContext, parameters: dict[str, Any]) -> Json:
    """Until a query about its message, whose visibility is its lease, has told `answers` different things."""
    answers: set[Any] = set()
    with psycopg.connect(parameters["url"], autocommit=True) as connection:
        end = time.monotonic() + DEADLINE_SECONDS
        while len(answers) < parameters["answers"]:
            if time.monotonic() > end:
                raise NotRetryable(f"it stayed at {answers}")
            answers.add(connection.execute(parameters["query"]).fetchone())
    return None


@job_type("is_patient", retry=QUICK)
async def is_patient(context: JobContext, parameters: dict[str, Any]) -> Json:
    raise RetryLater("come back tomorrow", after_seconds=86_400)


@job_type("hopeless", retry=QUICK)
async def hopeless(context: JobContext, parameters: dict[str, Any]) -> Json:
    raise NotRetryable("no use")


@job_type("returns_a_set", retry=QUICK)
async def returns_a_set(context: JobContext, parameters: dict[str, Any]) -> Any:
    return {1, 2, 3}


@job_type("logs")
async def logs(context: JobContext, parameters: dict[str, Any]) -> Json:
    structlog.get_logger().info("function.spoke")
    return None


@job_type("logs_in_a_thread")
def logs_in_a_thread(context: JobContext, parameters: dict[str, Any]) -> Json:
    structlog.get_logger().info("function.spoke")
    return None


TYPES = JobTypes(
    [
        blocks_the_loop,
        holds_a_transaction,
        logs,
        logs_in_a_thread,
        sample_task,
        waits,
        stubborn,
        in_a_thread,
        transfers,
        hopeless,
        is_patient,
        returns_a_set,
    ]
)


@dataclass
class Running:
    services: Services
    leaving: asyncio.Event
    tasks: list[asyncio.Task[None]]

    async def submit(self, job_type: str, parameters: Json = None, **asked: Any) -> JobId:
        policy = TYPES.policy_of(job_type)
        change = submission(job_type=job_type, job_parameters=parameters or {}, policy=policy, **asked)
        await self.services.store.append([change])
        return change.job_id

    async def until(self, holds: Callable[[], Awaitable[bool]]) -> None:
        await until(holds, at_most=DEADLINE_SECONDS)

    async def ended(self, job_id: JobId) -> list[JobEvent]:
        """The job's events, once it has ended."""

        async def has_ended() -> bool:
            view = await self.services.views.get(job_id)
            return view is not None and view.job.has_ended

        await self.until(has_ended)
        return await self.events(job_id)

    async def events(self, job_id: JobId) -> list[JobEvent]:
        return [recorded.event for recorded in await self.services.store.read_stream(job_id)]

    async def leave(self) -> None:
        self.leaving.set()
        await asyncio.gather(*self.tasks)


@asynccontextmanager
async def working(services: Services, settings: Settings) -> AsyncIterator[Running]:
    leaving = asyncio.Event()
    worker = Worker(services, bootstrap.local_compute(services, settings), settings)
    tasks = [
        asyncio.create_task(worker.run(leaving)),
        asyncio.create_task(relay_until(leaving, services, settings)),
    ]
    running = Running(services, leaving, tasks)
    try:
        yield running
    finally:
        gate.may_end.set()
        await running.leave()


@pytest.fixture(autouse=True)
async def _fresh_gate() -> None:
    global gate  # noqa: PLW0603 - the functions under test are module-level, as users write them
    gate = Gate()


@pytest.fixture
async def running(services: Services, settings: Settings) -> AsyncIterator[Running]:
    async with working(replace(services, types=TYPES), settings) as started:
        yield started


def kinds(events: list[JobEvent]) -> list[type[JobEvent]]:
    return [type(event) for event in events]


async def test_a_job_runs_and_its_history_says_so(running: Running) -> None:
    job_id = await running.submit("sample_task", {"result": {"sum": 3}, "data_references": ["s3://a/b"]})
    events = await running.ended(job_id)

    assert kinds(events) == [JobSubmitted, AttemptStarted, JobCompleted]
    assert events[-1] == JobCompleted(attempt=1, result={"sum": 3}, data_references=("s3://a/b",))


async def test_a_failed_attempt_is_followed_by_another(running: Running) -> None:
    job_id = await running.submit("sample_task", {"fail_on_attempts": [1]})
    events = await running.ended(job_id)

    assert kinds(events) == [JobSubmitted, AttemptStarted, AttemptFailed, AttemptStarted, JobCompleted]


async def test_a_function_says_when_to_try_again(running: Running) -> None:
    job_id = await running.submit("is_patient")

    async def has_failed() -> bool:
        return isinstance((await running.events(job_id))[-1], AttemptFailed)

    await running.until(has_failed)
    *_, started, failed = await running.services.store.read_stream(job_id)
    assert isinstance(failed.event, AttemptFailed)
    waits = failed.event.retry_at - started.recorded_at if failed.event.retry_at else timedelta()
    assert waits >= timedelta(days=1)


async def test_an_error_that_is_not_retryable_ends_the_job(running: Running) -> None:
    events = await running.ended(await running.submit("hopeless"))

    assert kinds(events) == [JobSubmitted, AttemptStarted, JobFailed]
    assert isinstance(events[-1], JobFailed)
    assert events[-1].error is not None
    assert events[-1].error.message == "no use"


async def test_a_function_that_is_not_async_runs_in_a_thread(running: Running) -> None:
    events = await running.ended(await running.submit("in_a_thread"))

    assert isinstance(events[-1], JobCompleted)
    assert str(events[-1].result).startswith("job")


async def test_a_result_that_is_not_json_fails_the_job_and_says_so(running: Running) -> None:
    events = await running.ended(await running.submit("returns_a_set"))

    assert isinstance(events[-1], JobFailed)
    assert events[-1].error is not None
    assert events[-1].error.type == "ResultNotJson"


async def test_an_unknown_job_type_is_tried_again_and_ends_with_its_error(running: Running) -> None:
    events = await running.ended(await running.submit("nobody_knows", max_attempts=1))

    assert isinstance(events[-1], JobFailed)
    assert events[-1].error is not None
    assert events[-1].error.type == "UnknownJobType"


async def test_progress_is_recorded_while_the_job_runs(running: Running) -> None:
    job_id = await running.submit("sample_task", {"steps": 4, "duration_seconds": 1.6, "progress": True})
    events = await running.ended(job_id)

    assert ProgressReported in kinds(events)
    assert kinds(events)[-1] is JobCompleted


async def test_an_attempt_that_takes_too_long_is_stopped(running: Running) -> None:
    job_id = await running.submit("waits", timeout_seconds=1, max_attempts=1)
    events = await running.ended(job_id)

    assert kinds(events) == [JobSubmitted, AttemptStarted, JobFailed]
    assert isinstance(events[-1], JobFailed)
    assert events[-1].cause is Cause.TIMED_OUT


@pytest.mark.parametrize("job_type", ["waits", "stubborn"])
async def test_a_running_job_that_is_cancelled_stops_or_is_abandoned(running: Running, job_type: str) -> None:
    job_id = await running.submit(job_type)
    await gate.begun.wait()
    hints = running.services.hints
    after = await cancel_job(
        running.services.store, hints, job_id=job_id, provenance=provenance(), reason="no longer needed"
    )
    assert after.job.status is Status.CANCELLING

    assert kinds(await running.ended(job_id))[-1] is JobCancelled


async def test_a_thread_that_looks_at_its_flag_ends_as_cancelled(running: Running) -> None:
    job_id = await running.submit("in_a_thread", {"until_cancelled": True})
    await asyncio.to_thread(gate.thread_begun.wait)
    hints = running.services.hints
    await cancel_job(running.services.store, hints, job_id=job_id, provenance=provenance(), reason="enough")

    assert kinds(await running.ended(job_id))[-1] is JobCancelled


async def test_a_thread_that_sees_its_time_is_up_ends_as_timed_out(running: Running) -> None:
    job_id = await running.submit("in_a_thread", {"until_cancelled": True}, timeout_seconds=1, max_attempts=1)
    events = await running.ended(job_id)

    assert isinstance(events[-1], JobFailed)
    assert events[-1].cause is Cause.TIMED_OUT


async def test_a_function_that_blocks_the_loop_keeps_its_lease(
    services: Services, settings: Settings, database: TestDatabase
) -> None:
    asked: Json = {"url": database.owner_url, "query": "SELECT vt FROM pgmq.q_job_queue", "answers": 3}
    async with working(replace(services, types=TYPES), settings_of_a_short_lease(settings)) as running:
        job_id = await running.submit("blocks_the_loop", asked)

        assert kinds(await running.ended(job_id)) == [JobSubmitted, AttemptStarted, JobCompleted]


async def test_a_function_that_blocks_the_loop_loses_its_lease_when_its_time_is_over(
    services: Services, settings: Settings, database: TestDatabase
) -> None:
    query = "SELECT vt < clock_timestamp() FROM pgmq.q_job_queue"
    asked: Json = {"url": database.owner_url, "query": query, "answers": 2}
    async with working(replace(services, types=TYPES), settings_of_a_short_lease(settings)) as running:
        job_id = await running.submit("blocks_the_loop", asked, timeout_seconds=1)
        events = await running.ended(job_id)

    # It completed, so it saw its lease lapse. Whether its outcome or the next claim comes first is open then.
    assert kinds(events)[-1] is JobCompleted
    assert kinds(events)[:2] == [JobSubmitted, AttemptStarted]


async def test_a_lease_that_is_lost_before_the_outcome_is_written_disturbs_nothing(
    services: Services, settings: Settings
) -> None:
    has_ended, is_told = asyncio.Event(), asyncio.Event()

    class HeldUpStore:
        """Writes an outcome only once the worker was told that it lost the lease."""

        def __getattr__(self, name: str) -> Any:
            return getattr(services.store, name)

        async def append(self, changes: Sequence[Change]) -> object:
            if any(isinstance(change.event, JobCompleted) for change in changes):
                has_ended.set()
                await is_told.wait()
            return await services.store.append(changes)

    class LosingQueue:
        def __getattr__(self, name: str) -> Any:
            return getattr(services.queue, name)

        async def extend(self, leases: Sequence[HeldLease], *, lease_seconds: int) -> list[Extended]:
            extended = await services.queue.extend(leases, lease_seconds=lease_seconds)
            if not has_ended.is_set():
                return extended
            asyncio.get_running_loop().call_soon(is_told.set)
            return []

    store, queue = cast(EventStore, HeldUpStore()), cast(JobQueue, LosingQueue())
    losing = replace(services, types=TYPES, store=store, queue=queue)
    async with working(losing, settings_of_a_short_lease(settings)) as running:
        events = await running.ended(await running.submit("sample_task"))

    assert kinds(events) == [JobSubmitted, AttemptStarted, JobCompleted]
    told = dict(services.tallies.samples())
    assert LOOP_FAILURES not in told
    assert told[ATTEMPTS_LIMIT] == {(): settings.worker_concurrency}


def settings_of_a_short_lease(settings: Settings) -> Settings:
    return settings.model_copy(update={"lease_seconds": 1})


async def test_effects_in_the_transaction_happen_exactly_once(
    running: Running, database: TestDatabase
) -> None:
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        owner.execute("CREATE TABLE transfers (job_id uuid, attempt integer)")
        owner.execute("GRANT INSERT ON transfers TO jobledger_service")
        job_id = await running.submit("transfers")
        events = await running.ended(job_id)
        rows = owner.execute("SELECT attempt FROM transfers").fetchall()

    assert kinds(events) == [JobSubmitted, AttemptStarted, AttemptFailed, AttemptStarted, JobCompleted]
    assert events[-1] == JobCompleted(attempt=2, result={"attempt": 2})
    assert rows == [(2,)]


async def test_handlers_that_hold_transactions_do_not_hold_up_the_others(running: Running) -> None:
    holding = [await running.submit("holds_a_transaction") for _ in range(40)]
    await gate.begun.wait()
    free = await running.submit("sample_task")
    assert kinds(await running.ended(free))[-1] is JobCompleted

    gate.may_end.set()
    for job_id in holding:
        assert kinds(await running.ended(job_id)) == [JobSubmitted, AttemptStarted, JobCompleted]


async def test_a_leaving_worker_releases_its_job_without_costing_an_attempt(
    running: Running, settings: Settings
) -> None:
    job_id = await running.submit("waits")
    await gate.begun.wait()
    await running.leave()
    assert kinds(await running.events(job_id)) == [JobSubmitted, AttemptStarted, AttemptReleased]

    gate.may_end.set()
    async with working(running.services, settings) as successor:
        events = await successor.ended(job_id)
        view = await load(running.services.store, job_id)
    assert kinds(events)[-2:] == [AttemptStarted, JobCompleted]
    assert view is not None
    assert (view.job.failed_attempts, view.job.lost_attempts) == (0, 0)


@pytest.mark.parametrize("job_type", ["logs", "logs_in_a_thread"])
async def test_what_a_function_logs_names_its_job_and_attempt(running: Running, job_type: str) -> None:
    with structlog.testing.capture_logs([structlog.contextvars.merge_contextvars]) as lines:
        job_id = await running.submit(job_type)
        await running.ended(job_id)

    said = [line for line in lines if line["event"] == "function.spoke"]
    assert [(line["job_id"], line["attempt"]) for line in said] == [(job_id, 1)]


async def test_nothing_is_left_in_outbox_or_queue(running: Running, database: TestDatabase) -> None:
    job_ids = [await running.submit("sample_task", {"fail_on_attempts": [1]}) for _ in range(30)]
    for job_id in job_ids:
        await running.ended(job_id)

    with psycopg.connect(database.owner_url) as owner:
        left = owner.execute(
            "SELECT (SELECT count(*) FROM jobledger.outbox), (SELECT count(*) FROM pgmq.q_job_queue)"
        ).fetchone()
    assert left == (0, 0)


async def test_a_worker_is_known_while_it_lives_and_no_longer_when_it_left(running: Running) -> None:
    workers = running.services.workers
    job_id = await running.submit("waits")

    async def is_known() -> bool:
        return bool(await workers.living())

    await running.until(is_known)
    (worker,) = await workers.living()
    gate.may_end.set()
    (_, begun, *_) = await running.ended(job_id)
    await running.leave()

    assert isinstance(begun, AttemptStarted)
    assert worker.presence.worker_id == begun.worker_id
    assert worker.presence.job_types == tuple(TYPES.names())
    assert await workers.living() == []
