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
