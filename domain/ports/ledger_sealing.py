"""Giving events their positions, and keeping what was signed over them."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from domain.audit import LedgerRestored
from domain.events import Provenance
from domain.ledger.merkle import TileRoot


class Tick(NamedTuple):
    """Events that were sealed at once: they stand from `first_position` on, in the order of their hashes."""

    first_position: int
    leaf_hashes: list[bytes]


class LedgerTree(NamedTuple):
    """The tree that grows, from the event at `first_position` on; it is signed up to `signed_size`."""

    number: int
    origin: str
    first_position: int
    signed_size: int = 0


class KeyChange(NamedTuple):
    """Public keys, as auditors are given them, that came into use or went out of it."""

    added: tuple[str, ...]
    retired: tuple[str, ...]


class LedgerSealing(Protocol):
    """Any number of sealers may run: of two that are at it at once, one seals and the other finds nothing.

    Every method raises StorageUnavailable.
    """

    async def seal(self, *, limit: int) -> Tick | None:
        """Seal what was committed since the last tick, durably; None when there is nothing.

        Each event is sealed once, at the next position after the last one, and every stream in its own order.
        About `limit` events at most, but never a part of a transaction.
        """

    async def is_behind(self) -> bool:
        """Whether there is anything that was committed and is not sealed, or was sealed and is not signed."""

    async def leaf_hashes(self, *, after: int) -> list[bytes]:
        """The leaf hashes of the positions above `after`, from the next on, as many as are read at once."""

    async def newest_tree(self) -> LedgerTree | None:
        """The tree that grows; None before the first.

        Raises HistoryTakenBack where it cannot: what is new could not be told from what was sealed.
        """

    async def begin_tree(self, *, origin: str) -> None:
        """Begin the first tree, at position 1; does nothing when there is one."""

    async def begin_tree_after(
        self, last: int, *, origin: str, event: LedgerRestored, provenance: Provenance
    ) -> None:
        """Begin the tree after tree number `last`, with `event` as its first leaf and the unsealed behind it.

        Does nothing when another sealer was first.
        """

    async def add_checkpoint(
        self, tree: LedgerTree, *, size: int, note: str, roots: Sequence[TileRoot], apart_seconds: float
    ) -> bool:
        """Keep a signed checkpoint and the roots of the tiles that became full since the last one.

        False, and nothing is kept, when one as large or one in the last `apart_seconds` is there already.
        """

    async def set_keys(self, keys: Sequence[str]) -> KeyChange:
        """Note which public keys sign from now on; tells what that changes."""
