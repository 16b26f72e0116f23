"""Many attempts, one timer."""

import asyncio

from domain.attempts import Attempt, StopReason
from domain.events import AttemptStarted, RecordedEvent
from domain.identifiers import MessageId, WorkerId
from domain.views import project
from entrypoints.timeouts import Timeouts
from tests.builders import NOW, provenance, submission

DEADLINE_SECONDS = 30
FOR_EVER = 1e6


def running(stopped: asyncio.Queue[Attempt]) -> Attempt:
    """An attempt that is put into `stopped` when it is stopped."""
    submitted = submission()
    view = project(None, RecordedEvent(submitted.job_id, 1, submitted.event, provenance(), NOW))
    started = AttemptStarted(
        attempt=1, worker_id=WorkerId("w"), msg_id=MessageId(1), read_ct=1, compute="local"
    )
    view = project(view, RecordedEvent(submitted.job_id, 2, started, provenance(), NOW))
    assert view.job.lease
    attempt = Attempt(view, view.job.lease)
    attempt.on_stop = lambda: stopped.put_nowait(attempt)
    return attempt


async def test_each_attempt_is_stopped_when_its_own_time_is_over() -> None:
    stopped: asyncio.Queue[Attempt] = asyncio.Queue()
    timeouts = Timeouts()
    later, sooner, last, never = (running(stopped) for _ in range(4))
    timeouts.watch(later, seconds=0.02)
    timeouts.watch(sooner, seconds=0.01)
    timeouts.watch(never, seconds=FOR_EVER)
    timeouts.watch(last, seconds=0.03)

    async with asyncio.timeout(DEADLINE_SECONDS):
        assert [await stopped.get() for _ in range(3)] == [sooner, later, last]
    assert {sooner.stopped_for, later.stopped_for, last.stopped_for} == {StopReason.TIMED_OUT}
    assert never.stopped_for is None


async def test_an_attempt_that_was_let_go_is_not_stopped() -> None:
    stopped: asyncio.Queue[Attempt] = asyncio.Queue()
    timeouts = Timeouts()
    ended, runs = running(stopped), running(stopped)
    timeouts.watch(ended, seconds=0.01)
    timeouts.watch(runs, seconds=0.02)
    timeouts.let_go(ended)

    async with asyncio.timeout(DEADLINE_SECONDS):
        assert await stopped.get() is runs
    assert ended.stopped_for is None


async def test_an_attempt_that_comes_when_all_others_are_over_is_stopped_too() -> None:
    stopped: asyncio.Queue[Attempt] = asyncio.Queue()
    timeouts = Timeouts()
    for _ in range(2):
        timeouts.watch(running(stopped), seconds=0.01)
        async with asyncio.timeout(DEADLINE_SECONDS):
            await stopped.get()
