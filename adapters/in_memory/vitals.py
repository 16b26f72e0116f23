"""VitalSigns in memory, where there are no months to prepare, no ledger, dead rows or open transactions."""

from adapters.in_memory.job_statistics import InMemoryJobStatistics
from adapters.in_memory.state import InMemoryState
from domain.ports.vitals import Vitals

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
        )
