"""The outbox in memory."""

import json
from datetime import timedelta

from adapters.in_memory.state import InMemoryState
from domain.fair_shares import AGING, FAIR_DEPTH
from domain.ports.outbox import RelayedEntry, RelayReport
from domain.views import QueueEntry

MAX_PARAMETER_BYTES = 4096


class InMemoryOutbox:
    def __init__(self, state: InMemoryState) -> None:
        self._state = state

    async def relay(
        self,
        *,
        limit: int,
        max_visible: int,
        names_entries: bool = False,
        max_visible_fairly: int = FAIR_DEPTH,
        aging: timedelta = AGING,
    ) -> RelayReport:
        state = self._state
        state.reach()
        if state.is_limited:
            max_visible = min(max_visible, max_visible_fairly)
        now = state.clock.now()
        visible = sum(
            message.visible_at <= now and not message.is_set_apart for message in state.queue.values()
        )
        moved = state.let_go(is_remote=False, places=min(limit, max_visible - visible), aging=aging)
        for entry_id, entry in moved:
            del state.outbox[entry_id]
            state.put_message(self._body(entry))
        later = [
            entry.available_at
            for entry in state.outbox.values()
            if entry.available_at > now and not state.is_remote(entry)
        ]
        named = [RelayedEntry(entry.job_id, entry.available_at) for _, entry in moved if names_entries]
        is_full = visible >= max_visible
        is_limited = state.is_limited and not is_full and bool(state.due_entries(is_remote=False))
        return RelayReport(len(moved), min(later, default=None), is_full, named, is_limited)

    def _body(self, entry: QueueEntry) -> str:
        view = self._state.views[entry.job_id]
        job = view.job
        fits = len(json.dumps(view.job_parameters, separators=(",", ":"))) <= MAX_PARAMETER_BYTES
        return json.dumps(
            {
                "job_id": job.id,
                "job_type": job.job_type,
                "user_id": job.user_id,
                "group_key": view.group_key,
                "version": job.version,
                "job_parameters": view.job_parameters if fits else None,
            }
        )
