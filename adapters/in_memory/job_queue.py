"""The job queue in memory."""

import json
import re
from collections.abc import Sequence
from datetime import timedelta

from adapters.in_memory.state import InMemoryState, Message, Parked
from domain.identifiers import JobId
from domain.lifecycle import Status
from domain.ports.job_queue import Delivery, Extended, HeldLease

CANONICAL_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class InMemoryJobQueue:
    def __init__(self, state: InMemoryState) -> None:
        self._state = state

    async def receive(self, *, limit: int, lease_seconds: int) -> list[Delivery]:
        self._state.reach()
        now = self._state.clock.now()
        deliveries: list[Delivery] = []
        for msg_id, message in sorted(self._state.queue.items()):
            if len(deliveries) == limit:
                break
            if message.visible_at > now:
                continue
            message.visible_at = now + timedelta(seconds=lease_seconds)
            message.read_ct += 1
            job_id = _job_id(message)
            view = self._state.views.get(job_id) if job_id else None
            deliveries.append(Delivery(msg_id, message.read_ct, job_id, view, message.body))
        return deliveries

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


def _job_id(message: Message) -> JobId | None:
    try:
        body = json.loads(message.body)
    except ValueError:
        return None
    job_id = body.get("job_id") if isinstance(body, dict) else None
    return JobId(job_id) if isinstance(job_id, str) and CANONICAL_UUID.fullmatch(job_id) else None
