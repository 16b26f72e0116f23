"""Answers leave in one piece."""

import asyncio
from typing import Any, cast

from entrypoints.api.one_write import AT_MOST, GatheringTransport


class Wire:
    """A transport that notes what it is given to send, and when it is closed."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.sent.append(bytes(data))

    def close(self) -> None:
        self.sent.append(b"closed")

    def is_closing(self) -> bool:
        return self.sent[-1:] == [b"closed"]


def gathering(wire: Wire) -> GatheringTransport:
    return GatheringTransport(cast("Any", wire))


async def test_what_is_written_in_one_turn_is_sent_together() -> None:
    wire = Wire()
    transport = gathering(wire)
    transport.write(b"head, ")
    transport.write(b"body")
    unsent = list(wire.sent)
    await asyncio.sleep(0)
    transport.write(b"the next")
    await asyncio.sleep(0)

    assert (unsent, wire.sent) == ([], [b"head, body", b"the next"])


async def test_nothing_is_lost_to_a_close() -> None:
    wire = Wire()
    transport = gathering(wire)
    transport.write(b"the last")
    transport.close()
    await asyncio.sleep(0)

    assert wire.sent == [b"the last", b"closed"]


async def test_much_is_sent_at_once() -> None:
    wire = Wire()
    transport = gathering(wire)
    transport.write(b"." * AT_MOST)
    kept_back = list(wire.sent)
    transport.write(b".")

    assert (kept_back, wire.sent) == ([], [b"." * (AT_MOST + 1)])


async def test_all_else_is_the_transports_own() -> None:
    wire = Wire()
    transport = gathering(wire)
    before = transport.is_closing()
    transport.close()

    assert (before, transport.is_closing()) == (False, True)
