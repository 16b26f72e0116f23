"""Whether the state in memory can be reached, as a test decides."""

from adapters.in_memory.state import InMemoryState
from domain.ports.health import PoolUse


class InMemoryHealth:
    def __init__(self, state: InMemoryState) -> None:
        self._state = state

    async def check(self) -> None:
        self._state.reach()

    def pools(self) -> dict[str, PoolUse]:
        return {}
