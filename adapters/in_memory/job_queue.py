"""The job queue in memory."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta

from adapters.in_memory.event_store import InMemoryEventStore
from adapters.in_memory.state import InMemoryState, Message, Parked
from domain import claims, isolation
from domain.claims import Claimer
from domain.identifiers import JobId, MessageId
from domain.job import Lease
from domain.lifecycle import Status
from domain.ports.event_store import Appended
from domain.ports.job_queue import Claimed, Delivery, Extended, HeldLease

CANONICAL_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class InMemoryJobQueue:
    def __init__(self, state: InMemoryState) -> None:
        self._state = state
        self._store = InMemoryEventStore(state)

    async def receive(
        self, *, limit: int, lease_seconds: int, chances_left: int | None = None
    ) -> list[Delivery]:
        self._state.reach()
        now = self._state.clock.now()
        deliveries: list[Delivery] = []
        for msg_id, message in sorted(self._state.queue.items()):
            if len(deliveries) == limit:
                break
            is_for_us = message.compute is None and message.chances_left == chances_left
            if message.visible_at > now or not is_for_us:
                continue
            message.visible_at = now + timedelta(seconds=lease_seconds)
            message.read_ct += 1
            deliveries.append(delivery_of(self._state, msg_id))
        return deliveries

    async def start_waiting(
        self, *, limit: int, lease_seconds: int, claimer: Claimer, command_id: str
    ) -> Claimed:
        claimed = Claimed([], [])
        for delivery in await self.receive(limit=limit, lease_seconds=lease_seconds):
            # Read again: an earlier message of this call may have started the job.
            view = self._state.views.get(delivery.job_id) if delivery.job_id else None
            if view is None or not view.job.is_waiting or isolation.must_be_isolated(view.job):
                claimed.others.append(delivery)
                continue
            lease = Lease(claimer.worker_id, delivery.msg_id, delivery.read_ct)
            change = claims.start(view, lease=lease, claimer=claimer, command_id=command_id)
            (outcome,) = await self._store.append([change])
            assert isinstance(outcome, Appended), "nobody else can change it meanwhile"  # noqa: S101 - narrows
            claimed.started.append(outcome.after)
        return claimed

    async def set_apart(self, leases: Mapping[HeldLease, int]) -> None:
        self._state.reach()
        for lease, chances_left in leases.items():
            message = self._state.queue.get(lease.msg_id)
            if message and message.read_ct == lease.read_ct:
                message.chances_left = chances_left
                message.visible_at = self._state.clock.now()

    async def isolated_waiting(self) -> int | None:
        self._state.reach()
        now = self._state.clock.now()
        apart = (message for _, message in sorted(self._state.queue.items()) if message.visible_at <= now)
        return next((message.chances_left for message in apart if message.chances_left is not None), None)

    async def extend(self, leases: Sequence[HeldLease], *, lease_seconds: int) -> list[Extended]:
        self._state.reach()
        now = self._state.clock.now()
        extended = []
        for lease in leases:
            message = self._state.queue.get(lease.msg_id)
            if message is None or message.read_ct != lease.read_ct:
                continue
            message.visible_at = now + timedelta(seconds=lease_seconds)
            view = self._state.views.get(_job_id(message) or JobId(""))
            is_cancelling = view is not None and view.job.status is Status.CANCELLING
            extended.append(Extended(lease, is_cancelling))
        return extended

    async def delete(self, leases: Sequence[HeldLease]) -> None:
        self._state.reach()
        for lease in leases:
            message = self._state.queue.get(lease.msg_id)
            if message and message.read_ct == lease.read_ct:
                del self._state.queue[lease.msg_id]

    async def park(self, delivery: Delivery, *, error: str) -> None:
        self._state.reach()
        message = self._state.queue.get(delivery.msg_id)
        if message and message.read_ct == delivery.read_ct:
            del self._state.queue[delivery.msg_id]
            self._state.parked.append(Parked(message.body, error))


def delivery_of(state: InMemoryState, msg_id: MessageId) -> Delivery:
    message = state.queue[msg_id]
    job_id = _job_id(message)
    return Delivery(
        msg_id, message.read_ct, job_id, state.views.get(job_id) if job_id else None, message.body
    )


def _job_id(message: Message) -> JobId | None:
    try:
        body = json.loads(message.body)
    except ValueError:
        return None
    job_id = body.get("job_id") if isinstance(body, dict) else None
    return JobId(job_id) if isinstance(job_id, str) and CANONICAL_UUID.fullmatch(job_id) else None
