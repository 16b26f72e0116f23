"""Many callers, one statement: what arrives while one is under way goes with the next.

So an idle service answers at once and a busy one batches, without a timer.
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

    Two items with the same `key` never share a call. `write` returns a result or an exception for each item.
    """

    def __init__(
        self,
        write: Callable[[Sequence[T]], Awaitable[Sequence[R | BaseException]]],
        *,
        key: Callable[[T], Hashable],
        limit: int = 500,
        in_flight: int = 2,
        max_waiting: int | None = None,
    ) -> None:
        self._write = write
        self._key = key
        self._limit = limit
        self._free = in_flight
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
            self._free -= 1
            task = asyncio.create_task(self._flush(self._take()))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    def _take(self) -> list[tuple[_Call[T, R], int]]:
        taken: list[tuple[_Call[T, R], int]] = []
        passed: list[tuple[_Call[T, R], int]] = []
        keys: set[Hashable] = set()
        while self._waiting and len(taken) < self._limit:
            entry = self._waiting.popleft()
            key = self._key(entry[0].items[entry[1]])
            if key in keys:
                passed.append(entry)
            else:
                keys.add(key)
                taken.append(entry)
        self._waiting.extendleft(reversed(passed))
        return taken

    async def _flush(self, taken: list[tuple[_Call[T, R], int]]) -> None:
        results: Sequence[R | BaseException]
        try:
            results = await self._write([call.items[place] for call, place in taken])
        except BaseException as error:  # noqa: BLE001 - every caller gets it, whatever it is
            results = [error] * len(taken)
        finally:
            self._free += 1
        for (call, place), result in zip(taken, results, strict=True):
            call.answer(place, result)
        self._start()
