"""Keep the leases of a worker's running attempts, and learn which jobs were asked to stop."""

from collections.abc import Sequence

from domain.attempts import Attempt, StopReason
from domain.ports.job_queue import HeldLease, JobQueue


async def keep_leases(queue: JobQueue, *, attempts: Sequence[Attempt], lease_seconds: int) -> None:
    """Extend every lease in one statement; an attempt whose lease is lost gives up, one cancelled stops."""
    if not attempts:
        return
    held = [HeldLease(attempt.lease.msg_id, attempt.lease.read_ct) for attempt in attempts]
    extended = {answer.lease: answer for answer in await queue.extend(held, lease_seconds=lease_seconds)}
    for attempt, lease in zip(attempts, held, strict=True):
        answer = extended.get(lease)
        if answer is None:
            attempt.stop(StopReason.LEASE_LOST)
        elif answer.is_cancelling:
            attempt.stop(StopReason.CANCELLED)
