"""A worker that runs attempts which were claimed elsewhere, one at a time, as a container on Modal does."""

from domain.attempts import Attempt
from entrypoints.worker import Worker


class LoneWorker(Worker):
    """Its loops must be at work (`helping`) while it runs anything."""

    async def run_one(self, attempt: Attempt) -> None:
        """Run the attempt until its outcome is written.

        Who cancels this leaves the attempt to its lease: nothing is written that was not known before.
        """
        self._start(attempt)
        try:
            while attempt in self._running or attempt in self._settler.unsettled:
                self._changed.clear()
                await self._changed.wait()
        finally:
            # It is still there only when we were cancelled; taken out first, so that its end is no outcome.
            if task := self._running.pop(attempt, None):
                self._leases.let_go(attempt)
                task.cancel()
