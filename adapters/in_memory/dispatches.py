"""Jobs on their way to remote compute, in memory."""

import json
from datetime import timedelta

from adapters.in_memory.job_queue import delivery_of
from adapters.in_memory.state import InMemoryState, Message
from domain.fair_shares import AGING
from domain.identifiers import JobId, MessageId
from domain.ports.job_queue import Delivery, HeldLease


class InMemoryDispatches:
    def __init__(self, state: InMemoryState) -> None:
        self._state = state

    async def hand_over(
        self,
        *,
        compute: str,
        limit: int,
        max_unclaimed: int,
        claim_seconds: int,
        only: JobId | None = None,
        aging: timedelta = AGING,
    ) -> list[Delivery]:
        state = self._state
        state.reach()
        unclaimed = sum(
            message.compute is not None and not message.read_ct for message in state.queue.values()
        )
        if only:
            due = [] if state.is_limited else state.due_entries(is_remote=True)
            due = [item for item in due if item[1].job_id == only][:1]
        else:
            due = state.let_go(is_remote=True, places=min(limit, max_unclaimed - unclaimed), aging=aging)
        return [self._send(entry_id, compute, claim_seconds) for entry_id, _ in due]

    def _send(self, entry_id: int, compute: str, claim_seconds: int) -> Delivery:
        state = self._state
        job = state.views[state.outbox.pop(entry_id).job_id].job
        view = state.views[job.id]
        body = {
            "group_key": view.group_key,
            "job_id": job.id,
            "job_type": job.job_type,
            "user_id": job.user_id,
            "version": job.version,
        }
        msg_id = MessageId(state.next_id())
        visible_at = state.clock.now() + timedelta(seconds=claim_seconds)
        state.queue[msg_id] = Message(
            json.dumps(body | {"job_parameters": None}), visible_at, compute=compute
        )
        return delivery_of(state, msg_id)

    async def hold_lapsed(self, *, limit: int, hold_seconds: int) -> list[Delivery]:
        self._state.reach()
        now = self._state.clock.now()
        lapsed = [
            msg_id
            for msg_id, message in sorted(self._state.queue.items())
            if message.compute is not None and message.visible_at <= now
        ][:limit]
        for msg_id in lapsed:
            self._state.queue[msg_id].visible_at = now + timedelta(seconds=hold_seconds)
        return [delivery_of(self._state, msg_id) for msg_id in lapsed]

    async def take(self, told: HeldLease, *, lease_seconds: int) -> Delivery | None:
        self._state.reach()
        message = self._state.queue.get(told.msg_id)
        if message is None or message.read_ct != told.read_ct:
            return None
        message.visible_at = self._state.clock.now() + timedelta(seconds=lease_seconds)
        message.read_ct += 1
        return delivery_of(self._state, told.msg_id)

    async def find_unclaimed(self, job_id: JobId) -> HeldLease | None:
        self._state.reach()
        now = self._state.clock.now()
        for msg_id, message in sorted(self._state.queue.items()):
            is_free = message.visible_at <= now if message.compute is None else message.read_ct == 0
            if is_free and delivery_of(self._state, msg_id).job_id == job_id:
                return HeldLease(msg_id, message.read_ct)
        return None

    async def bring_home(self) -> None:
        self._state.reach()
        now = self._state.clock.now()
        for message in self._state.queue.values():
            if message.visible_at <= now:
                message.compute = None
