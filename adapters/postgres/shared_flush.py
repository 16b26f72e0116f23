"""Many callers, one statement: what arrives while one is under way goes with the next.

So an idle service answers at once and a busy one batches. What makes the groups large: an ended call makes
room only when those it answered have had a turn to ask again, and with `patience` a second call goes beside
the first only when it is worth one of its own. Of 8 who submit one at a time, 2.5 shared a statement without
the two, and 8 do with them.

Callers over HTTP ask again only after a while, and meanwhile the next call is under way: they fall into two
groups, one that is written and one that is read and answered. Neither waits for the other as long as both are
of one size, so a patient call takes half of those who wait and of the call before, whose callers come again.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar

from domain.errors import StorageUnavailable

T = TypeVar("T")
R = TypeVar("R")


class _Call(Generic[T, R]):
    """One caller's items; `done` is set when the last of their results is there."""

    def __init__(self, items: Sequence[T]) -> None:
        self.items = items
        self.results: list[R | BaseException | None] = [None] * len(items)
        self.left = len(items)
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def answer(self, place: int, result: R | BaseException) -> None:
        self.results[place] = result
        self.left -= 1
        if not self.left and not self.done.done():
            self.done.set_result(None)


class SharedFlush(Generic[T, R]):
    """Runs `write` on items of many callers, at most `in_flight` calls at a time, `limit` items a call.

    Beside a call under way another starts when `crowd` items wait, or the oldest has waited for `patience`
    seconds: then the one under way is slow, as when it waits for a key that another process holds. Two items
    with the same `key` never share a call. `write` returns a result or an exception for each item.
    """

    def __init__(
        self,
        write: Callable[[Sequence[T]], Awaitable[Sequence[R | BaseException]]],
        *,
        key: Callable[[T], Hashable],
        limit: int = 500,
        in_flight: int = 2,
        patience: float = 0.0,
        crowd: int = 100,
        max_waiting: int | None = None,
    ) -> None:
        self._write = write
        self._key = key
        self._limit = limit
        self._in_flight = in_flight
        self._free = in_flight
        self._patience = patience
        self._crowd = crowd
        self._impatient: asyncio.TimerHandle | None = None
        self._last_taken = 0
        self._max_waiting = max_waiting
        # An entry is a place in a caller's items: what waits costs no future of its own.
        self._waiting: deque[tuple[_Call[T, R], int]] = deque()
        self._running: set[asyncio.Task[None]] = set()

    async def run(self, items: Sequence[T]) -> list[R]:
        """The results of `items`, in order; raises the first of their exceptions, when all are done.

        Raises StorageUnavailable at once when `max_waiting` items wait already.
        """
        if not items:
            return []
        if self._max_waiting is not None and len(self._waiting) >= self._max_waiting:
            raise StorageUnavailable("Too many submissions wait for their turn.")
        call: _Call[T, R] = _Call(items)
        self._waiting.extend((call, place) for place in range(len(items)))
        self._start()
        await call.done
        found: list[R] = []
        for result in call.results:
            if isinstance(result, BaseException):
                raise result
            found.append(result)  # type: ignore[arg-type]  # every place is answered by now
        return found

    def _start(self) -> None:
        while self._waiting and self._free:
            if self._patience and self._free < self._in_flight and len(self._waiting) < self._crowd:
                self._wait_for_the_one_under_way()
                return
            self._start_one()

    def _start_one(self) -> None:
        self._free -= 1
        if self._impatient:
            self._impatient.cancel()
            self._impatient = None
        task = asyncio.create_task(self._flush(self._take()))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def _wait_for_the_one_under_way(self) -> None:
        if not self._impatient:
            self._impatient = asyncio.get_running_loop().call_later(self._patience, self._lose_patience)

    def _lose_patience(self) -> None:
        self._impatient = None
        if self._waiting and self._free:
            self._start_one()

    def _make_room(self) -> None:
        self._free += 1
        self._start()

    def _at_most(self) -> int:
        """How many items the next call takes."""
        if not self._patience or len(self._waiting) >= self._crowd:
            return self._limit
        return min(self._limit, (len(self._waiting) + self._last_taken + 1) // 2)

    def _take(self) -> list[tuple[_Call[T, R], int]]:
        taken: list[tuple[_Call[T, R], int]] = []
        passed: list[tuple[_Call[T, R], int]] = []
        keys: set[Hashable] = set()
        at_most = self._at_most()
        while self._waiting and len(taken) < at_most:
            entry = self._waiting.popleft()
            key = self._key(entry[0].items[entry[1]])
            if key in keys:
                passed.append(entry)
            else:
                keys.add(key)
                taken.append(entry)
        self._waiting.extendleft(reversed(passed))
        self._last_taken = len(taken)
        return taken

    async def _flush(self, taken: list[tuple[_Call[T, R], int]]) -> None:
        results: Sequence[R | BaseException]
        try:
            results = await self._write([call.items[place] for call, place in taken])
        except BaseException as error:  # noqa: BLE001 - every caller gets it, whatever it is
            results = [error] * len(taken)
        for (call, place), result in zip(taken, results, strict=True):
            call.answer(place, result)
        # After those that were answered just now: what they ask next goes with the next call.
        asyncio.get_running_loop().call_soon(self._make_room)
