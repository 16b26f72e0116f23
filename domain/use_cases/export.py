"""An export that proves itself: the matching events, and hashes in the place of all others."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import fields
from datetime import datetime
from itertools import pairwise
from typing import Any, NamedTuple

from domain.errors import NotSealed
from domain.ledger.lines import SealedEvent, event_fields, footer_fields, header_fields, skipped_fields
from domain.ledger.notes import parse_checkpoint, parse_note
from domain.ledger.proofs import Span, cover
from domain.ports.ledger_reading import EventFilter, LedgerReading
from domain.use_cases.prove import SignedTree, node_hashes, signed_tree

PAGE = 500


class Export(NamedTuple):
    """Which events: those of `which` above `after` and up to `through` (None: the last checkpoint).

    `tree` is the tree that proves them, None for the newest: a restored database begins a new one.
    `known_size` is the size of a checkpoint that the auditor has, which skipped positions must not straddle.
    """

    which: EventFilter
    after: int = 0
    through: int | None = None
    known_size: int = 0
    tree: int | None = None


async def export(
    ledger: LedgerReading, tree: SignedTree, asked: Export, *, about: Mapping[str, Any]
) -> AsyncIterator[dict[str, Any]]:
    """The lines that `domain/ledger/verifier.py` describes, read a page at a time."""
    after, through = _range(tree, asked)
    said = {**about, "filter": _told(asked.which), "positions": [after + 1, through], "size": tree.size}
    yield header_fields(tree.note, tree.first, said)
    writer = _Writer(ledger, tree, asked.known_size)
    while page := await ledger.read(asked.which, after=after, through=through, limit=PAGE):
        async for line in writer.write(page):
            yield line
        after = page[-1].position
    async for line in writer.finish():
        yield line


async def begin(ledger: LedgerReading, asked: Export) -> SignedTree:
    """The tree to export from; raises NotSealed when it does not hold the range asked for."""
    tree = await signed_tree(ledger, asked.tree)
    _range(tree, asked)
    return tree


def positions(tree: SignedTree, asked: Export) -> tuple[int, int]:
    """The first and last position that the export speaks of; the last is below the first where none is."""
    after, through = _range(tree, asked)
    return after + 1, through


def _told(which: EventFilter) -> dict[str, str]:
    """What was asked for; empty for everything."""
    asked = ((field.name, getattr(which, field.name)) for field in fields(which))
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in asked
        if value is not None
    }


def _range(tree: SignedTree, asked: Export) -> tuple[int, int]:
    after = max(asked.after, tree.first - 1)
    through = tree.last if asked.through is None else asked.through
    if not after <= through <= tree.last:
        raise NotSealed(f"The last checkpoint holds positions {tree.first} to {tree.last}; ask within them.")
    return after, through


class _Writer:
    """Keeps the lines dense: between the events stand the hashes of what lies between them."""

    def __init__(self, ledger: LedgerReading, tree: SignedTree, known_size: int) -> None:
        self._ledger = ledger
        self._tree = tree
        self._known = tree.first - 1 + known_size
        self._written = tree.first - 1
        self._count = 0

    async def write(self, events: list[SealedEvent]) -> AsyncIterator[dict[str, Any]]:
        checkpoints = await self._checkpoints(events[-1].position)
        gaps = await self._gaps([event.position for event in events])
        for event in events:
            for gap in gaps.get(event.position, ()):
                yield gap
            yield event_fields(event)
            self._written = event.position
            self._count += 1
            if note := checkpoints.get(event.position):
                yield {"checkpoint": note}

    async def finish(self) -> AsyncIterator[dict[str, Any]]:
        end = self._tree.last + 1
        for gap in (await self._gaps([end])).get(end, ()):
            yield gap
        yield footer_fields(self._count, self._tree.size)

    async def _checkpoints(self, through: int) -> dict[int, str]:
        """The checkpoints that end on a position of this page."""
        before = self._tree.first - 1
        notes = await self._ledger.checkpoints(
            self._tree.number, above=self._written - before, through=through - before, limit=PAGE
        )
        return {parse_checkpoint(parse_note(note).body).size + before: note for note in notes}

    async def _gaps(self, positions: list[int]) -> dict[int, list[dict[str, Any]]]:
        """What is skipped before each of the positions, with the hashes, read at once."""
        spans: dict[int, list[Span]] = {}
        done = self._written
        for position in positions:
            if done < position - 1:
                spans[position] = self._parted(done, position - 1)
            done = position
        covers = {span: cover(span) for parts in spans.values() for span in parts}
        nodes = (node for parts in covers.values() for node in parts)
        hashes = await node_hashes(self._ledger, self._tree.number, nodes, size=self._tree.size)
        before = self._tree.first - 1
        return {
            position: [
                skipped_fields(
                    before + span.low + 1, before + span.high, [hashes[node] for node in covers[span]]
                )
                for span in parts
            ]
            for position, parts in spans.items()
        }

    def _parted(self, done: int, last: int) -> list[Span]:
        """The leaves of the positions after `done` up to `last`, parted where the known checkpoint ends."""
        ends = [done, self._known, last] if done < self._known < last else [done, last]
        before = self._tree.first - 1
        return [Span(low - before, high - before) for low, high in pairwise(ends)]
