"""Keep the leases of a worker's running attempts, and learn which jobs were asked to stop."""

from collections.abc import Sequence

from domain.attempts import Attempt, StopReason
from domain.ports.job_queue import HeldLease, JobQueue


async def keep_leases(queue: JobQueue, *, attempts: Sequence[Attempt], lease_seconds: int) -> int:
    """Extend every lease in one statement, and return how many were lost.

    An attempt whose lease is lost gives up, and one whose job was asked to stop stops. Whether one that
    settles meanwhile still had its lease, the store decides: a worker of many short jobs has some at every
    moment, and would else believe to lose leases whenever it looks.
    """
    if not attempts:
        return 0
    held = [HeldLease(attempt.lease.msg_id, attempt.lease.read_ct) for attempt in attempts]
    extended = {answer.lease: answer for answer in await queue.extend(held, lease_seconds=lease_seconds)}
    lost = 0
    for attempt, lease in zip(attempts, held, strict=True):
        answer = extended.get(lease)
        if answer is None:
            if attempt.is_settling:
                continue
            lost += 1
            attempt.stop(StopReason.LEASE_LOST)
        elif answer.is_cancelling:
            attempt.stop(StopReason.CANCELLED)
    return lost
