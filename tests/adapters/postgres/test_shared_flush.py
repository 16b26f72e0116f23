"""Callers that share a flush."""

import asyncio
from collections.abc import Sequence

import pytest

from adapters.postgres.shared_flush import SharedFlush


class Writes:
    """Records its calls and answers each item with itself doubled; holds back until `let_go`."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.let_go = asyncio.Event()
        self.has_begun: asyncio.Queue[None] = asyncio.Queue()
        self.refused: dict[int, Exception] = {}

    async def __call__(self, items: Sequence[int]) -> list[int | Exception]:
        self.calls.append(list(items))
        self.has_begun.put_nowait(None)
        await self.let_go.wait()
        return [self.refused.get(item, item * 2) for item in items]


async def started(flush: SharedFlush[int, int], *items: Sequence[int]) -> list[asyncio.Task[list[int]]]:
    tasks = [asyncio.create_task(flush.run(part)) for part in items]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


async def test_what_arrives_while_one_is_under_way_goes_with_the_next() -> None:
    writes = Writes()
    flush = SharedFlush(writes, key=lambda item: item, in_flight=1)
    first = await started(flush, [1])
    later = await started(flush, [2, 3], [4])
    writes.let_go.set()

    assert [await task for task in first + later] == [[2], [4, 6], [8]]
    assert writes.calls == [[1], [2, 3, 4]]


async def test_items_with_one_key_never_share_a_call() -> None:
    writes = Writes()
    flush = SharedFlush(writes, key=lambda item: item % 10, in_flight=1)
    tasks = await started(flush, [1], [2], [12, 3], [22])
    writes.let_go.set()
    await asyncio.gather(*tasks)

    assert writes.calls == [[1], [2, 3], [12], [22]]


async def test_a_call_takes_no_more_than_its_limit() -> None:
    writes = Writes()
    writes.let_go.set()
    flush = SharedFlush(writes, key=lambda item: item, limit=3)
    assert await flush.run(range(8)) == [item * 2 for item in range(8)]

    assert sorted(map(len, writes.calls)) == [2, 3, 3]


async def test_a_refused_item_costs_its_caller_and_nobody_else() -> None:
    writes = Writes()
    writes.refused[2] = ValueError("two is refused")
    flush = SharedFlush(writes, key=lambda item: item, in_flight=1)
    tasks = await started(flush, [1], [2], [3])
    writes.let_go.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)

    assert results[0] == [2]
    assert isinstance(results[1], ValueError)
    assert results[2] == [6]


async def test_a_failed_call_fails_every_caller_and_the_next_call_goes_on() -> None:
    calls = 0

    async def write(items: Sequence[int]) -> list[int | Exception]:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise ConnectionError("gone")
        return list(items)

    flush = SharedFlush(write, key=lambda item: item)
    with pytest.raises(ConnectionError):
        await flush.run([1, 2])
    assert await flush.run([3]) == [3]


async def test_a_caller_that_leaves_does_not_take_the_others_along() -> None:
    writes = Writes()
    flush = SharedFlush(writes, key=lambda item: item, in_flight=1)
    (leaver,) = await started(flush, [1])
    (stayer,) = await started(flush, [2])
    leaver.cancel()
    writes.let_go.set()

    assert await stayer == [4]


async def test_those_answered_together_ask_again_together() -> None:
    writes = Writes()
    flush = SharedFlush(writes, key=lambda item: item, in_flight=1)

    async def asking_twice(item: int) -> None:
        await flush.run([item])
        await flush.run([item + 10])

    first = await started(flush, [0])
    callers = [asyncio.create_task(asking_twice(item)) for item in (1, 2, 3)]
    await asyncio.sleep(0)
    writes.let_go.set()
    await asyncio.gather(*first, *callers)

    assert writes.calls == [[0], [1, 2, 3], [11, 12, 13]]


async def test_a_patient_one_waits_for_the_call_under_way() -> None:
    writes = Writes()
    flush = SharedFlush(writes, key=lambda item: item, in_flight=2, patience=3600)
    tasks = await started(flush, [1], [2], [3])
    writes.let_go.set()
    await asyncio.gather(*tasks)

    assert writes.calls == [[1], [2, 3]]


async def test_a_crowd_does_not_wait_for_the_call_under_way() -> None:
    writes = Writes()
    flush = SharedFlush(writes, key=lambda item: item, in_flight=2, patience=3600, crowd=3)
    tasks = await started(flush, [1], [2, 3, 4], [5])

    assert writes.calls == [[1], [2, 3, 4]]
    writes.let_go.set()
    await asyncio.gather(*tasks)


async def test_those_who_come_again_late_fall_into_groups_of_one_size() -> None:
    """One of eight is written, then the other seven; whoever is answered asks again during the next call."""
    calls: list[int] = []
    is_over = asyncio.Event()
    answered: asyncio.Queue[int] = asyncio.Queue()

    async def write(items: Sequence[int]) -> list[int]:
        calls.append(len(items))
        # As over HTTP: those who were answered before ask again while this call is under way.
        while not answered.empty():
            ask_again(answered.get_nowait())
        await asyncio.sleep(0)
        if len(calls) > 20:
            is_over.set()
        return list(items)

    flush: SharedFlush[int, int] = SharedFlush(write, key=lambda item: item, patience=60)
    asking: set[asyncio.Task[None]] = set()

    async def ask(item: int) -> None:
        await flush.run([item])
        answered.put_nowait(item)

    def ask_again(item: int) -> None:
        if not is_over.is_set():
            asking.add(asyncio.create_task(ask(item)))

    for item in range(8):
        ask_again(item)
    await is_over.wait()
    await asyncio.gather(*asking)

    assert calls[:1] == [1]
    assert set(calls[10:20]) == {4}


async def test_nobody_waits_for_a_slow_call_beyond_patience() -> None:
    writes = Writes()
    flush = SharedFlush(writes, key=lambda item: item, in_flight=2, patience=0.001)
    tasks = await started(flush, [1], [2], [3])
    async with asyncio.timeout(30):
        for _ in range(2):
            await writes.has_begun.get()

    assert writes.calls == [[1], [2, 3]]
    writes.let_go.set()
    await asyncio.gather(*tasks)


async def test_the_items_of_a_caller_that_left_are_written_and_the_next_call_goes_on() -> None:
    writes = Writes()
    flush = SharedFlush(writes, key=lambda item: item, in_flight=2, patience=3600)
    first, leaver, stayer = await started(flush, [1], [2], [3])
    leaver.cancel()
    writes.let_go.set()

    assert await first == [2]
    assert await stayer == [6]
    assert writes.calls == [[1], [2, 3]]
    assert await flush.run([4]) == [8]
