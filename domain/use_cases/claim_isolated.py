"""Take jobs from among the messages set apart, as many as may share a process."""

from collections.abc import Collection

from domain import isolation
from domain.attempts import Attempt
from domain.claims import Claimer
from domain.job import Job
from domain.job_types import JobTypes
from domain.ports.event_store import EventStore
from domain.ports.hints import Hints
from domain.ports.job_queue import JobQueue
from domain.ports.system import Clock, Ids, Randomness
from domain.use_cases.claim import set_apart, take_up


async def claim_isolated(
    store: EventStore,
    queue: JobQueue,
    hints: Hints,
    types: JobTypes,
    clock: Clock,
    ids: Ids,
    randomness: Randomness,
    *,
    claimer: Claimer,
    beside: Collection[Job],
    most: int,
    limit: int,
    lease_seconds: int,
) -> list[Attempt]:
    """Start attempts of up to `limit` isolated jobs that may run in a process where `beside` run.

    Whoever waits longest decides: while that one may not join, nobody does, so that its turn comes. `most` is
    how many attempts a process runs at once. What else a message may mean is seen to as `claim` does it.
    """
    chances_left = await queue.isolated_waiting()
    if chances_left is None:
        return []
    room = min(limit, isolation.room_for(chances_left, beside=beside, most=most))
    if not room:
        return []
    deliveries = await queue.receive(limit=room, lease_seconds=lease_seconds, chances_left=chances_left)
    # A second message of a job tells of chances that it had once.
    deliveries = await set_apart(queue, deliveries, chances_left=chances_left)
    return await take_up(
        store, queue, hints, types, clock, randomness,
        claimer=claimer, command_id=ids.command_id(), deliveries=deliveries,
    )  # fmt: skip
