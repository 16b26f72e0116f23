"""VitalSigns in memory, where there are no months to prepare, no ledger, dead rows or open transactions."""

from adapters.in_memory.job_statistics import InMemoryJobStatistics
from adapters.in_memory.state import InMemoryState
from domain.fair_shares import held_by
from domain.ports.vitals import Held, Vitals

MONTHS_AHEAD = 3


class InMemoryVitalSigns:
    def __init__(self, state: InMemoryState, statistics: InMemoryJobStatistics) -> None:
        self._state = state
        self._statistics = statistics

    async def read(self) -> Vitals:
        self._state.reach()
        now = self._state.clock.now()
        visible = [message.visible_at for message in self._state.queue.values() if message.visible_at <= now]
        sweeps = await self._statistics.sweeps(limit=1)
        return Vitals(
            read_at=now,
            oldest_message_at=min(visible, default=None),
            due=len(self._state.due_entries(is_remote=False)),
            due_remote=len(self._state.due_entries(is_remote=True)),
            oldest_uncounted_at=self._statistics.oldest_uncounted_at,
            oldest_unsealed_at=None,
            ledger_size=0,
            signed_size=0,
            last_sweep_at=sweeps[0].swept_at if sweeps else None,
            parked=len(self._state.parked),
            months_ahead=MONTHS_AHEAD,
            dead_rows={},
            oldest_transaction_at=None,
            held=self._held(),
        )

    def _held(self) -> Held | None:
        state = self._state
        if not state.is_limited:
            return None
        limiting, now = state.limiting(), state.clock.now()
        due = [
            (entry, remote) for remote in (False, True) for _, entry in state.due_entries(is_remote=remote)
        ]
        holds = [held_by(state.share_of(entry.job_id), limiting, now) for entry, _ in due]
        is_held = [hold is not None and hold.limit is not None for hold in holds]
        held = [entry.available_at for (entry, _), it in zip(due, is_held, strict=True) if it]
        free = [item for item, it in zip(due, is_held, strict=True) if not it]
        return Held(
            paused_queues=sum(limit.is_paused for limit in state.limits.values()),
            jobs=len(held),
            oldest_at=min(held, default=None),
            free=sum(not is_remote for _, is_remote in free),
            oldest_free_at=min((entry.available_at for entry, _ in free), default=None),
        )
