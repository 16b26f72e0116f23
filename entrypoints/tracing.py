"""What relay and worker tell about a job's way through them; called only where tracing is on."""

from collections.abc import Sequence

from domain.attempts import Attempt, Failed, Outcome
from domain.ports.compute import Compute
from domain.ports.outbox import RelayedEntry
from domain.ports.tracing import Span, SpanKind
from entrypoints.services import Services


async def trace_relayed(services: Services, moved: Sequence[RelayedEntry]) -> None:
    """A span for each job that a relay moved: from when it was due until now."""
    now = services.clock.now()
    views = await services.views.get_many([entry.job_id for entry in moved])
    for entry in moved:
        if entry.job_id not in views:
            continue
        view = views[entry.job_id]
        services.tracing.record(
            "relay",
            SpanKind.PRODUCER,
            parent=view.traceparent,
            began_at=entry.due_at,
            ended_at=now,
            messaging__system="pgmq",
            messaging__destination__name="job_queue",
            jobledger__job_id=entry.job_id,
            jobledger__job_type=view.job.job_type,
        )


async def run_traced(services: Services, compute: Compute, attempt: Attempt, worker_id: str) -> Outcome:
    """Run an attempt inside a span: what its function traces by itself is part of it."""
    view = attempt.view
    with services.tracing.span(
        f"attempt {view.job.job_type}",
        SpanKind.CONSUMER,
        parent=view.traceparent,
        messaging__system="pgmq",
        messaging__destination__name="job_queue",
        messaging__consumer__group__name=compute.name,
        jobledger__job_id=attempt.job_id,
        jobledger__job_type=view.job.job_type,
        jobledger__attempt=attempt.number,
        jobledger__worker_id=worker_id,
    ) as span:
        outcome = await compute.run(attempt)
        _tell(span, outcome)
        return outcome


def _tell(span: Span, outcome: Outcome) -> None:
    span.tell(jobledger__outcome=type(outcome).__name__)
    if isinstance(outcome, Failed):
        span.tell(error__type=outcome.error.type)
        span.fail(outcome.error.type)
