"""Remote compute as a test wants it: calls do nothing until the test acts for their containers."""

from dataclasses import dataclass, field

from domain.errors import ComputeUnavailable
from domain.ports.remote_compute import Call, Fate
from domain.routes import MODAL


@dataclass
class FakeRemoteCompute:
    """`is_reachable` False refuses everything; `loses_answers` does what it is asked and does not say so."""

    name: str = MODAL
    calls: dict[str, Call] = field(default_factory=dict)
    fates: dict[str, Fate] = field(default_factory=dict)
    terminated: list[str] = field(default_factory=list)
    is_reachable: bool = True
    loses_answers: bool = False

    async def spawn(self, call: Call) -> str:
        self._reach()
        call_id = f"fc-{len(self.calls) + 1}"
        self.calls[call_id] = call
        if self.loses_answers:
            raise ComputeUnavailable("no answer")
        return call_id

    async def fate(self, call_id: str) -> Fate:
        self._reach()
        return self.fates.get(call_id, Fate.NOT_FINISHED)

    async def terminate(self, call_id: str) -> None:
        self._reach()
        self.terminated.append(call_id)

    def _reach(self) -> None:
        if not self.is_reachable:
            raise ComputeUnavailable("unreachable")
