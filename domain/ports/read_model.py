"""The read model beside the events that it is made of: to compare them, and to make it anew."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple, Protocol

from domain.events import RecordedEvent
from domain.identifiers import JobId
from domain.views import JobView


class StoredJob(NamedTuple):
    """A job's events and its view, as both stood at one instant; either may be missing.

    Of who did what, the events say no more than a view holds. `unreadable_events` and `unreadable_view` say
    why something of them makes no sense, None when all does.
    """

    job_id: JobId
    events: list[RecordedEvent]
    view: JobView | None
    unreadable_events: str | None = None
    unreadable_view: str | None = None


class Span(NamedTuple):
    """The jobs whose ids lie above `after` and up to `through`; None is no bound."""

    after: JobId | None = None
    through: JobId | None = None


class StoredPage(NamedTuple):
    """Jobs in order of id, and where the next page begins; None when there is none."""

    jobs: list[StoredJob]
    last: JobId | None


class Rebuild(Protocol):
    """A read model in the making, which nobody sees yet. Every method raises StorageUnavailable."""

    async def put(self, views: Sequence[JobView]) -> None:
        """Add jobs that are not there yet."""

    async def catch_up(self) -> int:
        """Fold anew every job that moved since the last time, or since the beginning; returns how many."""

    async def differing(self) -> list[JobId]:
        """The jobs whose view in use differs, apart from those that moved since the last `catch_up`."""

    async def swap(self) -> None:
        """Catch up for the last time and put it into the place of the one in use, in one short transaction.

        Raises NotRebuilt when its turn does not come.
        """


class ReadModel(Protocol):
    async def size(self) -> int:
        """About how many jobs there are; raises StorageUnavailable."""

    async def nth(self, *, after: JobId | None, number: int) -> JobId | None:
        """The id of the job that comes `number` places after this one, None when there are fewer.

        Raises StorageUnavailable.
        """

    async def page(self, *, span: Span, limit: int) -> StoredPage:
        """The first jobs of the span, with about `limit` events; raises StorageUnavailable."""


class Rebuilding(Protocol):
    def __call__(self) -> AbstractAsyncContextManager[Rebuild]:
        """Begin one; what was not swapped in is gone at the end.

        Raises NotRebuilt when one is under way already, or the rights are missing.
        """
