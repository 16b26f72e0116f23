"""Proofs for auditors, out of the ledger's tiles."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from domain.errors import NotSealed
from domain.ledger.notes import Checkpoint, LedgerProof, parse_checkpoint, parse_note
from domain.ledger.proofs import Node, Span, consistency, cover, hash_of, inclusion, node_from, tiles_for
from domain.ports.ledger_reading import LedgerReading


class SignedTree(NamedTuple):
    """A tree as its last checkpoint signs it; its leaves are the positions from `first` to `last`."""

    number: int
    first: int
    note: str
    checkpoint: Checkpoint

    @property
    def size(self) -> int:
        return self.checkpoint.size

    @property
    def last(self) -> int:
        return self.first + self.size - 1


async def signed_tree(ledger: LedgerReading, number: int | None = None) -> SignedTree:
    """What may be proven now, by the newest tree unless another's number is given.

    Raises NotSealed when that has no checkpoint.
    """
    head = await ledger.head(number)
    if head is None:
        what = "has been signed yet" if number is None else f"of a tree {number} was ever signed"
        raise NotSealed(f"No checkpoint {what}.")
    return SignedTree(head.tree, head.first_position, head.note, parse_checkpoint(parse_note(head.note).body))


async def prove_inclusion(ledger: LedgerReading, *, position: int) -> LedgerProof:
    """That an event stands at its position in the last checkpoint of its tree; raises NotSealed beyond it."""
    tree = await signed_tree(ledger)
    while position < tree.first and tree.number > 1:
        tree = await signed_tree(ledger, tree.number - 1)
    if not tree.first <= position <= tree.last:
        raise NotSealed(f"The last checkpoint holds positions {tree.first} to {tree.last}, not {position}.")
    index = position - tree.first
    hashes = await span_hashes(ledger, tree.number, inclusion(index, tree.size), size=tree.size)
    return LedgerProof(index, tuple(hashes), tree.note)


async def prove_all(
    ledger: LedgerReading, tree: SignedTree, positions: Sequence[int]
) -> dict[int, tuple[bytes, ...]]:
    """As `prove_inclusion`, for many positions of the tree with one read: each one's path to the root."""
    spans = {position: inclusion(position - tree.first, tree.size) for position in positions}
    nodes = (node for path in spans.values() for span in path for node in cover(span))
    hashes = await node_hashes(ledger, tree.number, nodes, size=tree.size)
    return {
        position: tuple(hash_of(span, hashes.__getitem__) for span in path)
        for position, path in spans.items()
    }


async def prove_consistency(
    ledger: LedgerReading, tree: SignedTree, *, old_size: int, size: int
) -> list[bytes]:
    """That the tree of `size` begins with that of `old_size`; raises NotSealed beyond the last checkpoint."""
    if not 0 <= old_size <= size <= tree.size:
        raise NotSealed(f"Sizes go from the smaller to the larger, up to {tree.size}, the last checkpoint's.")
    return await span_hashes(ledger, tree.number, consistency(old_size, size), size=size)


async def span_hashes(ledger: LedgerReading, tree: int, spans: Sequence[Span], *, size: int) -> list[bytes]:
    """The hash of each span of a proof in the tree of `size`."""
    hashes = await node_hashes(ledger, tree, (node for span in spans for node in cover(span)), size=size)
    return [hash_of(span, hashes.__getitem__) for span in spans]


async def node_hashes(
    ledger: LedgerReading, tree: int, nodes: Iterable[Node], *, size: int
) -> dict[Node, bytes]:
    """The hash of each perfect subtree, with one read of tiles; raises NotSealed when tiles are gone."""
    wanted = list(nodes)
    needed = tiles_for(wanted, size)
    tiles = await ledger.tiles(tree, needed) if needed else {}
    if missing := needed - tiles.keys():
        raise NotSealed(f"Tile {min(tile.path for tile in missing)} of the ledger is not there.")
    return {node: node_from(node, size, tiles) for node in wanted}
