"""Find the tree that grows, whole and consistent with what was published, or begin one."""

import base64
import re
from typing import NamedTuple

from domain.audit import LedgerRestored
from domain.errors import InvalidSettings, NotSealed
from domain.events import Provenance
from domain.ledger.growing import GrowingTree
from domain.ledger.merkle import FilledTile, Frontier, right_edge
from domain.ledger.notes import Checkpoint, parse_checkpoint, parse_note
from domain.ports.checkpoint_copies import CheckpointCopies
from domain.ports.ledger_reading import LedgerReading
from domain.ports.ledger_sealing import LedgerSealing, LedgerTree
from domain.use_cases.seal import catch_up

LATER_TREE = re.compile(r"(.+)/tree-(\d+)")


class Opened(NamedTuple):
    """`restored` says how the database differed from what was published, where a new tree had to be begun."""

    tree: GrowingTree
    restored: str | None = None


async def open_ledger(
    sealing: LedgerSealing,
    ledger: LedgerReading,
    copies: CheckpointCopies,
    *,
    name: str,
    provenance: Provenance,
) -> Opened:
    """The tree with every event that is sealed in it; `name` is the ledger's where it has none yet.

    Where the published checkpoint is not one of this history (it is larger, or its root is another), the
    database was restored from a backup, or changed. What was signed cannot be taken back, so a new tree
    begins, whose first leaf says what was signed last and what there is.

    Raises InvalidSettings when what was published is of another ledger, CopiesUnavailable, and NotSealed
    where the ledger's own tiles are gone.
    """
    note = await copies.last()
    published = parse_checkpoint(parse_note(note).body) if note else None
    newest = await sealing.newest_tree()
    if newest is None and published is None:
        await sealing.begin_tree(origin=name)
        newest = await sealing.newest_tree()
    tree = await _resume(ledger, newest) if newest else None
    difference = await _difference(sealing, ledger, tree, published) if published else None
    if tree:
        await catch_up(sealing, tree)
    if published and difference:
        await _begin_after(sealing, tree, published, provenance)
        newest = await sealing.newest_tree()
        tree = await _resume(ledger, newest) if newest else None
        if tree:
            await catch_up(sealing, tree)
    if tree is None:
        raise NotSealed("The ledger has no tree, and none could be begun.")
    head = await ledger.head()
    if head and head.tree == tree.number and head.note != note:
        tree.unpublished = head.note
    return Opened(tree, difference)


async def _resume(ledger: LedgerReading, newest: LedgerTree) -> GrowingTree:
    """The tree as it was when it was last signed."""
    edge = right_edge(newest.signed_size)
    held = await ledger.tiles(newest.number, edge) if edge else {}
    if missing := set(edge) - held.keys():
        raise NotSealed(f"Tile {min(tile.path for tile in missing)} of the ledger is not there.")
    frontier = Frontier(newest.signed_size, [FilledTile(tile, held[tile]) for tile in edge])
    return GrowingTree(newest.number, newest.origin, newest.first_position, frontier)


async def _difference(
    sealing: LedgerSealing, ledger: LedgerReading, tree: GrowingTree | None, published: Checkpoint
) -> str | None:
    """How the database is not what the published checkpoint was signed over; None where it is."""
    if tree is None:
        return f"{published.origin} was signed up to size {published.size}, and the database has no ledger"
    name, number = _parted(published.origin)
    if name != _parted(tree.origin)[0]:
        raise InvalidSettings(
            f"CHECKPOINT_DIRECTORY holds checkpoints of {published.origin}, the database is {tree.origin}."
        )
    if number < tree.number:
        return None  # A new tree was begun, and nothing of it is published yet.
    if number > tree.number:
        return f"{published.origin} was signed, and the database has only {tree.origin}"
    if published.size > tree.size:
        hashes = await sealing.leaf_hashes(after=tree.last_position)
        while hashes and published.size > tree.size:
            tree.extend(hashes[: published.size - tree.size])
            hashes = await sealing.leaf_hashes(after=tree.last_position)
        if published.size > tree.size:
            return f"{published.origin} was signed up to size {published.size}, and ends at {tree.size} here"
        return None if tree.checkpoint().root == published.root else _another(published)
    known = await ledger.checkpoints(tree.number, above=published.size - 1, through=published.size, limit=1)
    is_same = [parse_note(note).body for note in known] == [published.body]
    return None if is_same else _another(published)


def _another(published: Checkpoint) -> str:
    return f"{published.origin} was signed with another history up to size {published.size}"


async def _begin_after(
    sealing: LedgerSealing, tree: GrowingTree | None, published: Checkpoint, provenance: Provenance
) -> None:
    name, number = _parted(published.origin)
    last = max(number, tree.number if tree else 0)
    kept = tree.checkpoint() if tree else None
    event = LedgerRestored(
        checkpoint=published.body,
        kept_origin=kept and kept.origin,
        kept_size=kept.size if kept else 0,
        kept_root=base64.b64encode(kept.root).decode() if kept else "",
    )
    await sealing.begin_tree_after(last, origin=f"{name}/tree-{last + 1}", event=event, provenance=provenance)


def _parted(origin: str) -> tuple[str, int]:
    """A tree's origin as the ledger's name and the tree's number."""
    later = LATER_TREE.fullmatch(origin)
    return (later[1], int(later[2])) if later else (origin, 1)
