"""Proofs are made of tiles and checked; the paths expected by name are those of RFC 6962, section 2.1.3."""

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.ledger.merkle import Frontier, Tile, leaf_hash, node_hash
from domain.ledger.proofs import (
    Folding,
    Node,
    Span,
    consistency,
    cover,
    hash_of,
    inclusion,
    is_consistent,
    node_from,
    root_from_inclusion,
    tiles_for,
)

LEAVES = [leaf_hash(str(number).encode()) for number in range(700)]


def root(size: int) -> bytes:
    frontier = Frontier()
    frontier.extend(LEAVES[:size])
    return frontier.root()


def tiles_of(size: int) -> dict[Tile, bytes]:
    frontier = Frontier()
    full = frontier.extend(LEAVES[:size])
    return dict([*full, *frontier.partial_tiles()])


def hashes(spans: Iterable[Span], size: int) -> list[bytes]:
    """The proof, read from no other tiles than those that it names."""
    spans = list(spans)
    needed = tiles_for([node for span in spans for node in cover(span)], size)
    read = {tile: content for tile, content in tiles_of(size).items() if tile in needed}
    return [hash_of(span, lambda node: node_from(node, size, read)) for span in spans]


def test_inclusion_paths_of_a_tree_of_seven_are_those_of_the_rfc() -> None:
    """d0 in [b, h, l]; d3 in [c, g, l]; d4 in [f, j, k]; d6 in [i, k]."""
    b, c, f = (Span(n, n + 1) for n in (1, 2, 5))
    g, h, i, j, k, span_l = Span(0, 2), Span(2, 4), Span(4, 6), Span(6, 7), Span(0, 4), Span(4, 7)

    assert inclusion(0, 7) == [b, h, span_l]
    assert inclusion(3, 7) == [c, g, span_l]
    assert inclusion(4, 7) == [f, j, k]
    assert inclusion(6, 7) == [i, k]


def test_consistency_paths_of_a_tree_of_seven_are_those_of_the_rfc() -> None:
    """From three: [c, d, g, l]; from four: [l]; from six: [i, j, k]."""
    assert consistency(3, 7) == [Span(2, 3), Span(3, 4), Span(0, 2), Span(4, 7)]
    assert consistency(4, 7) == [Span(4, 7)]
    assert consistency(6, 7) == [Span(4, 6), Span(6, 7), Span(0, 4)]
    assert consistency(7, 7) == consistency(0, 7) == []


INPUTS = ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
INCLUSION = {
    (1, 1): (),
    (1, 8): (
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ),
    (6, 8): (
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
    (3, 3): ("fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",),
    (2, 5): (
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ),
}
CONSISTENCY = {
    (1, 1): (),
    (1, 8): INCLUSION[1, 8],
    (6, 8): (
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
    (2, 5): (
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ),
}


def of_vectors(spans: Iterable[Span], size: int) -> tuple[str, ...]:
    frontier = Frontier()
    frontier.extend([leaf_hash(bytes.fromhex(text)) for text in INPUTS[:size]])
    tiles = dict(frontier.partial_tiles())
    return tuple(hash_of(span, lambda node: node_from(node, size, tiles)).hex() for span in spans)


@pytest.mark.parametrize("case", INCLUSION)
def test_inclusion_proofs_are_those_of_certificate_transparency(case: tuple[int, int]) -> None:
    """Its reference implementation counts leaves from 1."""
    leaf, size = case

    assert of_vectors(inclusion(leaf - 1, size), size) == INCLUSION[case]


@pytest.mark.parametrize("case", CONSISTENCY)
def test_consistency_proofs_are_those_of_certificate_transparency(case: tuple[int, int]) -> None:
    assert of_vectors(consistency(*case), case[1]) == CONSISTENCY[case]


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 700), st.data())
def test_every_leaf_is_proven_in_every_tree(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof = hashes(inclusion(index, size), size)

    assert root_from_inclusion(index, size, LEAVES[index], proof) == root(size)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 700), st.data())
def test_every_tree_is_proven_to_have_grown_out_of_every_smaller_one(size: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(0, size))
    proof = hashes(consistency(old, size), size)

    assert is_consistent(old, root(old), size, root(size), proof)


@settings(max_examples=150, deadline=None)
@given(st.integers(2, 300), st.data())
def test_no_forged_proof_holds(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(1, size - 1))
    other = leaf_hash(b"forged")
    proof = hashes(inclusion(index, size), size)
    at = data.draw(st.integers(0, len(proof) - 1))
    forged = [*proof[:at], other, *proof[at + 1 :]]
    grown = hashes(consistency(old, size), size)

    assert root_from_inclusion(index, size, other, proof) != root(size)
    assert root_from_inclusion(index, size, LEAVES[index], forged) != root(size)
    assert root_from_inclusion(index, size, LEAVES[index], proof[:-1]) != root(size)
    assert root_from_inclusion(index, size, LEAVES[index], [*proof, other]) is None
    assert root_from_inclusion(size, size, LEAVES[index], proof) is None
    assert not is_consistent(old, other, size, root(size), grown)
    assert not is_consistent(old, root(old), size, other, grown)
    assert not is_consistent(old, root(old), size, root(size), [*grown[:-1], other])
    assert not is_consistent(old, root(old), size, root(size), grown[:-1])
    assert not is_consistent(old, root(old), size, root(size), [*grown, other])
    assert not is_consistent(size, root(size), old, root(old), grown)
    assert not is_consistent(size, root(size), size, root(old), [])


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 700), st.data())
def test_a_tree_folds_of_leaves_and_of_whole_spans_alike(size: int, data: st.DataObject) -> None:
    low = data.draw(st.integers(0, size))
    high = data.draw(st.integers(low, size))
    tiles = tiles_of(size)
    folding = Folding()
    for hashed in LEAVES[:low]:
        folding.add(hashed)
    for node in cover(Span(low, high)):
        folding.add(node_from(node, size, tiles), node.level)
    for hashed in LEAVES[high:size]:
        folding.add(hashed)

    assert (folding.size, folding.root()) == (size, root(size))


def test_a_subtree_stands_only_where_the_tree_has_one() -> None:
    folding = Folding()
    folding.add(LEAVES[0])

    with pytest.raises(ValueError, match="no subtree of 2 leaves begins at leaf 1"):
        folding.add(node_hash(LEAVES[1], LEAVES[2]), level=1)
    assert folding.root() == LEAVES[0]
    assert Folding().root() is None


def test_nothing_is_proven_beyond_a_tree() -> None:
    with pytest.raises(ValueError, match="a tree of size 7 has no leaf 7"):
        inclusion(7, 7)
    with pytest.raises(ValueError, match="no tree of size 7 grew out of one of size 8"):
        consistency(8, 7)
    assert cover(Span(5, 5)) == []
    assert cover(Span(5, 9)) == [Node(0, 5), Node(1, 3), Node(0, 8)]
