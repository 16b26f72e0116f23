"""Where a job type's function runs."""

from typing import Protocol

from domain.attempts import Attempt, Outcome


class Compute(Protocol):
    @property
    def name(self) -> str:
        """What AttemptStarted records as `compute`."""

    async def run(self, attempt: Attempt) -> Outcome:
        """Run the function of the attempt's job type to one outcome; whatever it raises is an outcome too.

        Cancelling this call stops the function, within the grace period or by abandoning it.
        """
