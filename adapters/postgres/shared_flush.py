"""Many callers, one statement: what arrives while one is under way goes with the next.

So an idle service answers at once and a busy one batches, without a timer.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class SharedFlush(Generic[T, R]):
    """Runs `write` on items of many callers, at most `in_flight` calls at a time, `limit` items a call.

    Two items with the same `key` never share a call. `write` returns a result or an exception for each item.
    """

    def __init__(
        self,
        write: Callable[[Sequence[T]], Awaitable[list[R | Exception]]],
        *,
        key: Callable[[T], Hashable],
        limit: int = 500,
        in_flight: int = 2,
    ) -> None:
        self._write = write
        self._key = key
        self._limit = limit
        self._free = in_flight
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._running: set[asyncio.Task[None]] = set()

    async def run(self, items: Sequence[T]) -> list[R]:
        """The results of `items`, in order; raises the first of their exceptions, when all are done."""
        loop = asyncio.get_running_loop()
        futures = [loop.create_future() for _ in items]
        self._waiting.extend(zip(items, futures, strict=True))
        self._start()
        results = await asyncio.gather(*futures, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return [future.result() for future in futures]

    def _start(self) -> None:
        while self._waiting and self._free:
            self._free -= 1
            task = asyncio.create_task(self._flush(self._take()))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    def _take(self) -> list[tuple[T, asyncio.Future[R]]]:
        taken: list[tuple[T, asyncio.Future[R]]] = []
        left: list[tuple[T, asyncio.Future[R]]] = []
        keys: set[Hashable] = set()
        for entry in self._waiting:
            key = self._key(entry[0])
            if len(taken) < self._limit and key not in keys:
                keys.add(key)
                taken.append(entry)
            else:
                left.append(entry)
        self._waiting = left
        return taken

    async def _flush(self, taken: list[tuple[T, asyncio.Future[R]]]) -> None:
        results: Sequence[R | BaseException]
        try:
            results = await self._write([item for item, _ in taken])
        except BaseException as error:  # noqa: BLE001 - every caller gets it, whatever it is
            results = [error] * len(taken)
        finally:
            self._free += 1
        for (_, future), result in zip(taken, results, strict=True):
            if future.done():
                continue
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)
        self._start()
