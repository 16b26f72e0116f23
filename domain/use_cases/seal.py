"""Give new events their positions, in a tree that grows with them."""

from domain.errors import HistoryTakenBack
from domain.ledger.growing import GrowingTree
from domain.ports.ledger_sealing import LedgerSealing


async def seal_next(sealing: LedgerSealing, tree: GrowingTree, *, limit: int) -> int:
    """Seal about `limit` events at most; how many were.

    Raises HistoryTakenBack when the ledger ends before where this tree was: the database is not the same.
    """
    tick = await sealing.seal(limit=limit)
    if tick is None:
        return 0
    if tick.first_position == tree.last_position + 1:
        tree.extend(tick.leaf_hashes)
    elif tick.first_position <= tree.last_position:
        raise HistoryTakenBack(f"Position {tick.first_position} was sealed a second time.")
    else:
        await catch_up(sealing, tree)
    return len(tick.leaf_hashes)


async def catch_up(sealing: LedgerSealing, tree: GrowingTree) -> None:
    """Grow by what other sealers sealed."""
    while hashes := await sealing.leaf_hashes(after=tree.last_position):
        tree.extend(hashes)
