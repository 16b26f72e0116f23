"""Inclusion and consistency proofs: which hashes they need, those hashes out of tiles, and their check.

A proof is a list of hashes of subtrees, so it is made in two steps: the pure functions name the subtrees
and the tiles to be read, and `hash_of` folds what was read.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from domain.ledger.merkle import HASH_BYTES, TILE_HEIGHT, TILE_WIDTH, Tile, node_hash, perfect_root, split


class Span(NamedTuple):
    """The leaves with the indexes `low` to `high` - 1."""

    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Node:
    """The perfect subtree over the leaves from `index` x 2^level to (`index` + 1) x 2^level - 1."""

    level: int
    index: int


def cover(span: Span) -> list[Node]:
    """The fewest perfect subtrees that make up the span, from left to right."""
    nodes = []
    low = span.low
    while low < span.high:
        fits = (span.high - low).bit_length() - 1
        aligned = (low & -low).bit_length() - 1 if low else fits
        level = min(fits, aligned)
        nodes.append(Node(level, low >> level))
        low += 1 << level
    return nodes


def inclusion(index: int, size: int) -> list[Span]:
    """The subtrees of PATH(index, D[size]), RFC 6962 section 2.1.1, the leaf's sibling first."""
    if not 0 <= index < size:
        raise ValueError(f"a tree of size {size} has no leaf {index}")
    low, high, spans = 0, size, []
    while high - low > 1:
        middle = low + _left_size(high - low)
        if index < middle:
            spans.append(Span(middle, high))
            high = middle
        else:
            spans.append(Span(low, middle))
            low = middle
    return spans[::-1]


def consistency(old_size: int, size: int) -> list[Span]:
    """The subtrees of PROOF(old_size, D[size]), RFC 6962 section 2.1.2; none where nothing grew."""
    if not 0 <= old_size <= size:
        raise ValueError(f"no tree of size {size} grew out of one of size {old_size}")
    if old_size in (0, size):
        return []
    low, high, spans, is_old_root = 0, size, [], True
    while old_size != high:
        middle = low + _left_size(high - low)
        if old_size <= middle:
            spans.append(Span(middle, high))
            high = middle
        else:
            spans.append(Span(low, middle))
            low, is_old_root = middle, False
    if not is_old_root:
        spans.append(Span(low, high))
    return spans[::-1]


def _left_size(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1


def tile_of(node: Node, size: int) -> Tile:
    """The tile, in a tree of `size`, whose hashes the node is a root of."""
    level, height = divmod(node.level, TILE_HEIGHT)
    index = (node.index << height) // TILE_WIDTH
    return Tile(level, index, min(TILE_WIDTH, (size >> (TILE_HEIGHT * level)) - index * TILE_WIDTH))


def tiles_for(nodes: Iterable[Node], size: int) -> set[Tile]:
    """The tiles to read before the nodes' hashes can be told."""
    return {tile_of(node, size) for node in nodes}


def node_from(node: Node, size: int, tiles: Mapping[Tile, bytes]) -> bytes:
    """The node's hash; `tiles` maps each tile of `tiles_for` to its bytes."""
    height = node.level % TILE_HEIGHT
    first = (node.index << height) % TILE_WIDTH
    at = slice(first * HASH_BYTES, (first + (1 << height)) * HASH_BYTES)
    return perfect_root(split(tiles[tile_of(node, size)][at]))


def hash_of(span: Span, hash_of_node: Callable[[Node], bytes]) -> bytes:
    """The hash of one subtree of a proof, folded of the perfect ones that it consists of."""
    *rest, root = map(hash_of_node, cover(span))
    for left in reversed(rest):
        root = node_hash(left, root)
    return root


def root_from_inclusion(index: int, size: int, leaf: bytes, proof: Iterable[bytes]) -> bytes | None:
    """The root that the proof leads to (RFC 9162, section 2.1.3.2); None when it has a wrong length."""
    if not 0 <= index < size:
        return None
    node, last, root = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return None
        if node & 1 or node == last:
            root = node_hash(sibling, root)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            root = node_hash(root, sibling)
        node, last = node >> 1, last >> 1
    return root if last == 0 else None


def is_consistent(old_size: int, old_root: bytes, size: int, root: bytes, proof: Iterable[bytes]) -> bool:
    """Whether the tree of `size` begins with the tree of `old_size` (RFC 9162, section 2.1.4.2)."""
    path = list(proof)
    if old_size in (0, size):
        return not path and (old_size == 0 or old_root == root)
    if old_size > size or not path:
        return False
    if old_size & (old_size - 1) == 0:
        path.insert(0, old_root)
    node, last = old_size - 1, size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    was = now = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            was, now = node_hash(sibling, was), node_hash(sibling, now)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            now = node_hash(now, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and was == old_root and now == root


class Folding:
    """A tree folded from left to right, of leaves and of whole perfect subtrees alike.

    It holds one hash for each bit of its size.
    """

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[tuple[int, bytes]] = []

    def add(self, node_hash_: bytes, level: int = 0) -> None:
        """Append a perfect subtree of 2^level leaves; raises ValueError where the tree cannot have one."""
        if self.size & ((1 << level) - 1):
            raise ValueError(f"no subtree of {1 << level} leaves begins at leaf {self.size}")
        self.size += 1 << level
        while self._peaks and self._peaks[-1][0] == level:
            node_hash_ = node_hash(self._peaks.pop()[1], node_hash_)
            level += 1
        self._peaks.append((level, node_hash_))

    def root(self) -> bytes | None:
        """None while it is empty."""
        root = None
        for _, peak in reversed(self._peaks):
            root = peak if root is None else node_hash(peak, root)
        return root
