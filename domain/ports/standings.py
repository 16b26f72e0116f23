"""Where a job stands now: in which line, behind how many, and who could take it up."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol

from domain.identifiers import JobId
from domain.limits import Hold
from domain.views import JobView

COUNTED_TO = 1000
"""Who stands in a line is counted this far; one more means that there are more."""


class Place(StrEnum):
    """Where what will start the job lies, or the message that is a running job's lease."""

    NOWHERE = "nowhere"
    OUTBOX = "outbox"
    QUEUE = "queue"


class Message(NamedTuple):
    """The job's message: invisible until `visible_at`, and in whose hands (None: local workers')."""

    read_ct: int
    visible_at: datetime
    compute: str | None


class Line(NamedTuple):
    """How many are before the job: due entries of the outbox, and visible messages of the queue.

    Each is counted to `COUNTED_TO`.
    """

    of_its_priority: int = 0
    of_higher_priority: int = 0
    in_queue: int = 0


class Crew(NamedTuple):
    """Living workers: all of them, those that serve the job's type, and how many more attempts these take."""

    living: int = 0
    serving: int = 0
    free_places: int = 0


class Standing(NamedTuple):
    """A job and all that it may wait for, seen at once.

    `at` is the store's clock. `oldest_due_at` is when the entry that waits longest in this part of the outbox
    became due, None when none is. `is_remote` says that it goes to remote compute, which starts workers as
    they are needed. `hold` is what keeps a due job in the outbox, None where nothing is limited.
    """

    view: JobView
    at: datetime
    place: Place
    message: Message | None
    line: Line
    oldest_due_at: datetime | None
    crew: Crew
    is_remote: bool = False
    hold: Hold | None = None


class Standings(Protocol):
    async def of(self, job_id: JobId) -> Standing | None:
        """Where the job stands; None when there is none. Raises StorageUnavailable."""
