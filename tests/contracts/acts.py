"""What suites do to jobs, in one word each."""

from typing import Any

from domain import decisions
from domain.events import Cause, JobError, JobEvent
from domain.identifiers import JobId, MessageId, WorkerId
from domain.job import Lease
from domain.ports.event_store import Appended, AppendOutcome, Change
from domain.retries import RetryPolicy
from domain.views import JobView
from tests.builders import NOW, provenance, submission
from tests.fakes.ports import Ports

LEASE = Lease(WorkerId("worker-1"), MessageId(1), 1)


async def submit(ports: Ports, **asked: Any) -> JobView:
    (outcome,) = await ports.store.append([submission(**asked)])
    assert isinstance(outcome, Appended)
    return outcome.after


def change(view: JobView, event: JobEvent, **rest: Any) -> Change:
    return Change(job_id=view.job.id, before=view, event=event, provenance=provenance(), **rest)


async def append(ports: Ports, view: JobView, event: JobEvent, **rest: Any) -> JobView:
    outcome = await try_append(ports, view, event, **rest)
    assert isinstance(outcome, Appended)
    return outcome.after


async def try_append(ports: Ports, view: JobView, event: JobEvent, **rest: Any) -> AppendOutcome:
    (outcome,) = await ports.store.append([change(view, event, **rest)])
    return outcome


async def start(ports: Ports, view: JobView, lease: Lease = LEASE) -> JobView:
    return await append(ports, view, decisions.start(view.job, lease=lease, compute="local"))


async def fail(ports: Ports, view: JobView, *, retryable: bool = True) -> JobView:
    error = JobError(type="ValueError", message="no", retryable=retryable)
    event = decisions.fail(
        view.job, error=error, cause=Cause.FAILED, policy=RetryPolicy(), chance=0.0, at=NOW
    )
    return await append(ports, view, event)


async def cancel(ports: Ports, view: JobView) -> JobView:
    return await append(ports, view, decisions.cancel(view.job, reason="not needed"))


async def current(ports: Ports, job_id: JobId) -> JobView:
    view = await ports.views.get(job_id)
    assert view is not None
    return view
