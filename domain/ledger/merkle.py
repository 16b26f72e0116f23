"""The Merkle tree of RFC 6962, section 2.1 (unchanged in RFC 9162): SHA-256, leaves and nodes told apart."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from typing import NamedTuple

HASH_BYTES = 32
TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
EMPTY_ROOT = sha256().digest()


def leaf_hash(leaf: bytes) -> bytes:
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def perfect_root(hashes: Sequence[bytes]) -> bytes:
    """The root over 2^k hashes of one level."""
    while len(hashes) > 1:
        # Spelled out, not by node_hash: the call would cost a third of the whole.
        pairs = zip(hashes[::2], hashes[1::2], strict=True)
        hashes = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
    return hashes[0]


@dataclass(frozen=True, slots=True)
class Tile:
    """`width` consecutive hashes of the tree's level 8 x `level`, from `index` x 256 on.

    Named and numbered as in C2SP tlog-tiles.
    """

    level: int
    index: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """As in `tile/<L>/<N>[.p/<W>]`: `0/x001/x234/067.p/8`."""
        groups = [f"{self.index % 1000:03}"]
        rest = self.index // 1000
        while rest:
            groups.insert(0, f"x{rest % 1000:03}")
            rest //= 1000
        partial = "" if self.width == TILE_WIDTH else f".p/{self.width}"
        return f"{self.level}/{'/'.join(groups)}{partial}"


class FilledTile(NamedTuple):
    """A tile with its hashes, one after the other."""

    tile: Tile
    hashes: bytes


class TileRoot(NamedTuple):
    """The root of the full tile `number` of the level below: hash `number` of tile level `level`."""

    level: int
    number: int
    hash: bytes


def right_edge(size: int) -> list[Tile]:
    """The partial tiles of a tree, lowest level first: with them a Frontier resumes."""
    edge = []
    level = 0
    while hashes := size >> (TILE_HEIGHT * level):
        if width := hashes % TILE_WIDTH:
            edge.append(Tile(level, hashes // TILE_WIDTH, width))
        level += 1
    return edge


class Frontier:
    """The right edge of a growing tree: all that is needed to append to it and to know its root.

    It holds at most 255 hashes of each tile level. `edge` are the partial tiles of `right_edge(size)`.
    """

    def __init__(self, size: int = 0, edge: Iterable[FilledTile] = ()) -> None:
        self.size = size
        self._roots: list[TileRoot] = []
        self._levels: list[list[bytes]] = [[] for _ in range((size.bit_length() + 7) // TILE_HEIGHT)]
        given = {filled.tile: filled.hashes for filled in edge}
        for tile in right_edge(size):
            if len(given.get(tile, b"")) != tile.width * HASH_BYTES:
                raise ValueError(f"tile {tile.path} of a tree of size {size} is missing or of another width")
            self._levels[tile.level] = split(given[tile])

    def extend(self, leaf_hashes: Sequence[bytes]) -> list[FilledTile]:
        """Append leaves; returns the tiles that became full, each before the tile above that it fills."""
        full: list[FilledTile] = []
        taken = 0
        while taken < len(leaf_hashes):
            room = TILE_WIDTH - self.size % TILE_WIDTH
            chunk = leaf_hashes[taken : taken + room]
            self._level(0).extend(chunk)
            self.size += len(chunk)
            taken += len(chunk)
            self._carry(full)
        return full

    def take_roots(self) -> list[TileRoot]:
        """The roots of the tiles that became full since this was last asked."""
        roots, self._roots = self._roots, []
        return roots

    def root(self) -> bytes:
        """The Merkle tree hash of all leaves so far."""
        root = None
        for peak in reversed(self._peaks()):
            root = peak if root is None else node_hash(peak, root)
        return EMPTY_ROOT if root is None else root

    def partial_tiles(self) -> list[FilledTile]:
        """The partial tiles of the present size: `right_edge`, with their hashes."""
        return [FilledTile(tile, b"".join(self._levels[tile.level])) for tile in right_edge(self.size)]

    def _level(self, level: int) -> list[bytes]:
        if level == len(self._levels):
            self._levels.append([])
        return self._levels[level]

    def _carry(self, full: list[FilledTile]) -> None:
        level = 0
        while len(self._level(level)) == TILE_WIDTH:
            hashes = self._levels[level]
            index = (self.size >> (TILE_HEIGHT * (level + 1))) - 1
            full.append(FilledTile(Tile(level, index), b"".join(hashes)))
            self._levels[level] = []
            root = perfect_root(hashes)
            self._roots.append(TileRoot(level + 1, index, root))
            self._level(level + 1).append(root)
            level += 1

    def _peaks(self) -> list[bytes]:
        """The roots of the perfect subtrees that the leaves divide into, the largest first."""
        peaks = []
        for hashes in reversed(self._levels):
            bounds = [0]
            for power in range(TILE_HEIGHT - 1, -1, -1):
                if len(hashes) >> power & 1:
                    bounds.append(bounds[-1] + (1 << power))
            peaks += [perfect_root(hashes[low:high]) for low, high in pairwise(bounds)]
        return peaks


def split(hashes: bytes) -> list[bytes]:
    """A tile's bytes as its hashes."""
    return [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
