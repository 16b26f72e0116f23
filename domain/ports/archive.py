"""Moving months of history out of the database, and knowing where they went."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager
from datetime import date, datetime
from typing import NamedTuple, Protocol

from domain.audit import AuditEvent
from domain.events import Provenance
from domain.ledger.lines import SealedEvent


class ArchivedMonth(NamedTuple):
    """A month whose jobs lie in a file: its name without a path, and the SHA-256 of its bytes.

    `dropped_at` is when its detached table was dropped; None while that still stands beside the file.
    """

    month: date
    file: str
    sha256: str
    jobs: int
    events: int
    archived_at: datetime
    dropped_at: datetime | None = None


class LiveMonth(NamedTuple):
    """A month that is in the database, and how much of it; it can go once no job of it is left unended."""

    month: date
    jobs: int
    unended: int
    events: int


class MonthChanged(Exception):
    """Something happened to a job of the month since it was read: read it again."""


class MonthNotSealed(Exception):
    """The ledger has begun, and does not hold all of the month yet."""


class ArchivedMonths(Protocol):
    """Both raise StorageUnavailable."""

    async def find(self, month: date) -> ArchivedMonth | None: ...

    async def all(self) -> list[ArchivedMonth]:
        """The oldest first."""


class Archive(Protocol):
    """What only the owner of the tables may do. Every method raises StorageUnavailable."""

    async def live(self, *, before: date) -> list[LiveMonth]:
        """The months before `before` that are in the database, the oldest first."""

    async def snapshot(self) -> str:
        """What is visible now, to be compared with later."""

    def events(self, month: date) -> AsyncIterator[list[SealedEvent]]:
        """Every event of the month by job and version, a transaction a page; their positions are 0."""

    async def detach(
        self, month: ArchivedMonth, *, unchanged_since: str, record: AuditEvent, provenance: Provenance
    ) -> None:
        """Take the month's events and jobs away, and say where they are; all of it or nothing.

        Raises MonthChanged when anything happened to one of its jobs since the snapshot, or the number of
        jobs is another, or one has not ended; MonthNotSealed.
        """

    async def drop(self, month: date, *, record: AuditEvent, provenance: Provenance) -> None:
        """Drop the detached table of an archived month; all is said in the same transaction."""


class ArchiveFiles(Protocol):
    """Every method raises StorageUnavailable when the disk does not do it."""

    def writing(self, name: str) -> AbstractContextManager[Callable[[bytes], None]]:
        """Write a file under another name; at the block's end it is on the disk, and takes its name."""

    def lines(self, name: str) -> Iterator[bytes]:
        """The file's lines, read from the disk again; EOFError, OSError or ValueError where it is damaged."""

    def digest(self, name: str) -> str | None:
        """The SHA-256 of the file's bytes, in hex; None when there is no such file."""
