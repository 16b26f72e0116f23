"""Whether an export holds all that it says it was asked for, as far as that can be told.

An export of everything leaves nothing out but what was archived, as the ledger itself says; an export of jobs
holds all their events. What other filters leave out, nobody can tell from outside.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from domain.audit import MonthArchived

OF_WHOLE_JOBS = ({"job_id"}, {"user_id"}, {"job_id", "user_id"})


class LeftOut(NamedTuple):
    """Positions that a line of the export skips."""

    line: int
    first: int
    last: int


class Completeness:
    """`header` is the export's first line, and `tree` the first and last position of what is signed."""

    def __init__(self, header: Mapping[str, Any], tree: tuple[int, int]) -> None:
        try:
            self._first, self._last = map(int, header["positions"])
            self.filter: dict[str, Any] = dict(header["filter"])
        except (KeyError, TypeError, ValueError):
            # One that does not say what it was asked for is held to everything.
            (self._first, self._last), self.filter = tree, {}
        self._is_of_all_positions = (self._first, self._last) == tree
        self._left_out: list[LeftOut] = []
        self._archived = 0

    @property
    def is_of_whole_jobs(self) -> bool:
        """Whether each job that is in it was asked for with all its events."""
        return self._is_of_all_positions and self.filter.keys() in OF_WHOLE_JOBS

    def skip(self, line: int, first: int, last: int) -> None:
        low, high = max(first, self._first), min(last, self._last)
        if not self.filter and low <= high:
            self._left_out.append(LeftOut(line, low, high))

    def add(self, event: Mapping[str, Any]) -> None:
        if event["type"] == MonthArchived.__name__:
            self._archived += event["facts"]["events"]

    def end(self) -> Iterator[tuple[LeftOut, str]]:
        """What was left out, where that is more than was archived."""
        if sum(part.last - part.first + 1 for part in self._left_out) <= self._archived:
            return
        archived = f", and only {self._archived} were archived" if self._archived else ""
        for part in self._left_out:
            what = f"positions {part.first} to {part.last} were left out of an export of everything{archived}"
            yield part, f"{what}: deleted, or kept back"
