"""Job types: what can be run, how its parameters look, and how often it is tried.

Bring your own as a module named in `JOB_MODULES`:

    @job_type("resize_image", retry=RetryPolicy(max_attempts=5), timeout_seconds=60)
    async def resize_image(context: JobContext, parameters: ResizeImage) -> Json:
        ...

The parameter type is the annotation of the second argument: a dataclass, a pydantic model, or anything else
that the adapter of `ParameterParser` understands. A function that is not async runs in a thread.
"""

import inspect
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol, get_type_hints

from domain.identifiers import JobId, Json
from domain.retries import RetryPolicy
from domain.views import JobView


class OutcomeTransaction(Protocol):
    """A database transaction that commits together with the job's completion.

    `connection` is the store's own (psycopg's `AsyncConnection` on PostgreSQL). Set `result` and
    `data_references` before the block ends; both default to nothing. `after` is the job once all is
    committed, None before.
    """

    connection: Any
    result: Json
    data_references: tuple[str, ...]
    after: JobView | None


class JobContext(Protocol):
    """What a running attempt may know and ask."""

    @property
    def job_id(self) -> JobId: ...

    @property
    def attempt(self) -> int:
        """1 for the first attempt; never used twice for one job."""

    @property
    def is_cancelled(self) -> bool:
        """Whether to stop: somebody cancelled the job, or its time is up, or the worker is leaving.

        What a function in a thread looks at between steps; what it returns after having seen True is ignored.
        """

    async def sleep(self, seconds: float) -> None:
        """Wait by the service's clock, so that simulated time works too."""

    def report_progress(self, *, percent: int | None = None, message: str | None = None) -> None:
        """Say how far it is; reports are coalesced, and the last one before the end may be dropped."""

    def attach(self, *data_references: str) -> None:
        """Name data that the job made elsewhere; kept with its completion."""

    def transaction(self) -> AbstractAsyncContextManager[OutcomeTransaction]:
        """A transaction whose commit *is* the job's completion: effects in it happen exactly once.

        Leaving the block commits both or neither; raises AttemptGivenUp when the attempt no longer owns
        the job. What the function returns afterwards is ignored.
        """


class NotRetryable(Exception):
    """Raise it from a job type's function: trying again would not help."""


class RetryLater(Exception):
    """Raise it from a job type's function: try again, but not before `after_seconds` have passed.

    The retry policy's own wait holds where it is longer, and the budget of attempts in any case.
    """

    def __init__(self, message: str, *, after_seconds: float) -> None:
        if not 0 <= after_seconds < float("inf"):
            raise ValueError(f"after_seconds must be a number from 0 on, got {after_seconds}")
        super().__init__(message)
        self.after_seconds = after_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class JobType:
    """A named function with its parameter type and policy; `timeout_seconds` bounds one attempt.

    One that is not offered is run for the service itself, and clients cannot submit it.
    """

    name: str
    function: Callable[[JobContext, Any], Awaitable[Json] | Json]
    parameters: Any
    retry: RetryPolicy
    timeout_seconds: int
    description: str = ""
    is_offered: bool = True

    @property
    def is_async(self) -> bool:
        return _is_async(self.function)


# Asked for each attempt, and slow to find out.
_is_async = cache(inspect.iscoroutinefunction)


def job_type(
    name: str, *, retry: RetryPolicy | None = None, timeout_seconds: int = 3600, is_offered: bool = True
) -> Callable[[Callable[[JobContext, Any], Any]], JobType]:
    """Declare a function as a job type; nothing is registered until its module is named in `JOB_MODULES`."""

    def declare(function: Callable[[JobContext, Any], Any]) -> JobType:
        arguments = list(inspect.signature(function).parameters)
        if len(arguments) != 2:  # noqa: PLR2004 - the context and the parameters
            raise TypeError(f"{name}: a job type's function takes a context and its parameters")
        return JobType(
            name=name,
            function=function,
            parameters=get_type_hints(function).get(arguments[1], Any),
            retry=retry or RetryPolicy(),
            timeout_seconds=timeout_seconds,
            description=inspect.getdoc(function) or "",
            is_offered=is_offered,
        )

    return declare


class JobTypes:
    """The job types that this process knows, by name."""

    def __init__(self, known: Iterable[JobType]) -> None:
        self._by_name: dict[str, JobType] = {}
        for kind in known:
            if kind.name in self._by_name:
                raise ValueError(f"two job types are named {kind.name}")
            self._by_name[kind.name] = kind

    def find(self, name: str) -> JobType | None:
        return self._by_name.get(name)

    def policy_of(self, name: str) -> RetryPolicy:
        """The type's retry policy; the default one for a type that this process does not know."""
        kind = self._by_name.get(name)
        return kind.retry if kind else RetryPolicy()

    def offered(self) -> dict[str, JobType]:
        """Those that clients may submit, by name in order."""
        return {name: kind for name, kind in sorted(self._by_name.items()) if kind.is_offered}

    def __iter__(self) -> Iterator[JobType]:
        return iter(self._by_name.values())

    def names(self) -> list[str]:
        return sorted(self._by_name)
