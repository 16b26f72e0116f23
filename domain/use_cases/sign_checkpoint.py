"""Sign how far the ledger goes and what it holds, and put a copy out of the database's reach."""

from collections.abc import Sequence

from domain.ledger.growing import GrowingTree
from domain.ledger.notes import sign
from domain.ports.checkpoint_copies import CheckpointCopies
from domain.ports.ledger_sealing import LedgerSealing, LedgerTree
from domain.ports.signatures import Signer


async def sign_checkpoint(
    sealing: LedgerSealing,
    copies: CheckpointCopies,
    tree: GrowingTree,
    signers: Sequence[Signer],
    *,
    apart_seconds: float,
) -> bool:
    """Whether nothing is left to sign or to publish, unless by another sealer, which may have been first.

    The tree may grow meanwhile. What is signed was sealed durably before, is then kept in the database, and
    published last: no copy is ever ahead of what a crash would leave.

    Raises CopiesUnavailable, after which calling again publishes.
    """
    if tree.size > tree.signed_size:
        checkpoint, roots = tree.checkpoint(), list(tree.unsaved)
        note = str(sign(checkpoint.body, signers))
        place = LedgerTree(tree.number, tree.origin, tree.first_position, tree.signed_size)
        if await sealing.add_checkpoint(
            place, size=checkpoint.size, note=note, roots=roots, apart_seconds=apart_seconds
        ):
            tree.signed(checkpoint.size, note, roots=len(roots))
    if tree.unpublished:
        await copies.keep(tree.unpublished)
        tree.unpublished = None
    return tree.size == tree.signed_size
