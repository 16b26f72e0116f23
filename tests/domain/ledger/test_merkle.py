"""The vectors are those of the Certificate Transparency reference implementations."""

import hashlib
from itertools import pairwise

import pytest

from domain.ledger.merkle import (
    EMPTY_ROOT,
    FilledTile,
    Frontier,
    Tile,
    leaf_hash,
    node_hash,
    right_edge,
)

INPUTS = ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
LEAVES = [leaf_hash(bytes.fromhex(text)) for text in INPUTS]


def numbered(count: int) -> list[bytes]:
    return [leaf_hash(str(number).encode()) for number in range(count)]


def root_by_definition(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962, word for word."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(root_by_definition(leaves[:split]), root_by_definition(leaves[split:]))


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_of_certificate_transparency(size: int) -> None:
    frontier = Frontier()
    frontier.extend(LEAVES[:size])

    assert frontier.root().hex() == ROOTS[size]


def test_an_empty_tree_has_the_hash_of_nothing() -> None:
    assert Frontier().root() == EMPTY_ROOT
    assert Frontier().partial_tiles() == []


@pytest.mark.parametrize("size", [1, 255, 256, 257, 511, 512, 1000, 65_536, 65_793])
def test_roots_follow_the_definition_across_tiles(size: int) -> None:
    leaves = numbered(size)
    frontier = Frontier()
    frontier.extend(leaves)

    assert frontier.root() == root_by_definition(leaves)
    assert frontier.size == size


def test_it_makes_no_difference_in_what_portions_leaves_come() -> None:
    leaves = numbered(70_000)
    whole, portioned = Frontier(), Frontier()
    full = whole.extend(leaves)
    cuts = [0, 1, 2, 250, 256, 257, 900, 66_000, 70_000]
    full_portioned = [tile for low, high in pairwise(cuts) for tile in portioned.extend(leaves[low:high])]

    assert portioned.root() == whole.root()
    assert full_portioned == full


def test_a_tree_of_70_000_has_the_tiles_that_tlog_tiles_counts() -> None:
    frontier = Frontier()
    full = frontier.extend(numbered(70_000))

    assert [filled.tile for filled in full if filled.tile.level == 1] == [Tile(1, 0)]
    assert [filled.tile for filled in full if filled.tile.level == 0] == [Tile(0, n) for n in range(273)]
    assert right_edge(70_000) == [Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1)]
    assert right_edge(256) == [Tile(1, 0, 1)]


def test_full_tiles_hold_leaf_hashes_and_above_them_roots_of_tiles() -> None:
    leaves = numbered(65_536)
    tiles = dict(Frontier().extend(leaves))

    assert tiles[Tile(0, 255)] == b"".join(leaves[-256:])
    assert tiles[Tile(1, 0)][:32] == root_by_definition(leaves[:256])


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 65_536, 65_537, 70_000])
def test_a_frontier_resumes_from_its_partial_tiles(size: int) -> None:
    leaves = numbered(71_000)
    whole, first = Frontier(), Frontier()
    whole.extend(leaves)
    first.extend(leaves[:size])
    resumed = Frontier(size, first.partial_tiles())
    resumed.extend(leaves[size:])

    assert resumed.root() == whole.root()
    assert resumed.partial_tiles() == whole.partial_tiles()


def test_a_frontier_does_not_resume_with_a_tile_missing_or_short() -> None:
    frontier = Frontier()
    frontier.extend(numbered(300))
    low, high = frontier.partial_tiles()

    with pytest.raises(ValueError, match=r"tile 1/000.p/1 .* missing"):
        Frontier(300, [low])
    with pytest.raises(ValueError, match=r"tile 0/001.p/44 .* missing"):
        Frontier(300, [FilledTile(low.tile, low.hashes[:-32]), high])


def test_paths_are_those_of_tlog_tiles() -> None:
    assert Tile(0, 1_234_067).path == "0/x001/x234/067"
    assert Tile(1, 0).path == "1/000"
    assert Tile(0, 273, 112).path == "0/273.p/112"
    assert Tile(2, 1000, 8).path == "2/x001/000.p/8"
