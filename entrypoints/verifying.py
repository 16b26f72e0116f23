"""What takes time of `jobledger verify`: spans of jobs, each compared by whichever process is free."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

from domain.ports.read_model import Span
from domain.use_cases.verify import NOTHING_YET, Compared, spans_of, verify_read_model
from entrypoints import bootstrap
from entrypoints.parts import run_async
from entrypoints.processes import helpers
from entrypoints.settings import Settings

# A second's work: little beside it is what a span costs by itself, a connection.
JOBS_A_SPAN = 10_000


class Comparison(NamedTuple):
    """What is found of each of `spans` spans, in their order, as it is found."""

    spans: int
    parts: Iterator[Compared]


@contextmanager
def comparing(settings: Settings, *, processes: int, jobs: int = JOBS_A_SPAN) -> Iterator[Comparison]:
    """Compare all there is, in spans of so many jobs.

    Raises StorageUnavailable, and BrokenProcessPool when one of the processes was killed.
    """
    with helpers(processes) as executor:
        spans = executor.submit(_spans, settings, jobs).result()
        yield Comparison(len(spans), executor.map(partial(_compare, settings), spans))


def _spans(settings: Settings, jobs: int) -> list[Span]:
    async def find() -> list[Span]:
        async with bootstrap.open_read_model(settings) as read_model:
            return await spans_of(read_model, jobs=jobs)

    spans: list[Span] = run_async(find())
    return spans


def _compare(settings: Settings, span: Span) -> Compared:
    async def compare() -> Compared:
        found = NOTHING_YET
        async with bootstrap.open_read_model(settings) as read_model:
            async for page in verify_read_model(read_model, span=span):
                found = found.and_then(page)
        return found

    compared: Compared = run_async(compare())
    return compared
