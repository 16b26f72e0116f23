"""The tree as one sealer knows it."""

from collections.abc import Sequence

from domain.ledger.merkle import Frontier, TileRoot
from domain.ledger.notes import Checkpoint


class GrowingTree:
    """It grows by every tick; `signed_size` is what its last checkpoint holds.

    `unsaved` are the roots of the tiles that became full since they were last kept with a checkpoint, and
    `unpublished` is the note that was signed but is not yet kept outside the database.
    """

    def __init__(self, number: int, origin: str, first_position: int, frontier: Frontier) -> None:
        self.number = number
        self.origin = origin
        self.first_position = first_position
        self.signed_size = frontier.size
        self.unsaved: list[TileRoot] = []
        self.unpublished: str | None = None
        self._frontier = frontier

    @property
    def size(self) -> int:
        return self._frontier.size

    @property
    def last_position(self) -> int:
        return self.first_position + self.size - 1

    def extend(self, leaf_hashes: Sequence[bytes]) -> None:
        self._frontier.extend(leaf_hashes)
        self.unsaved += self._frontier.take_roots()

    def checkpoint(self) -> Checkpoint:
        return Checkpoint(self.origin, self.size, self._frontier.root())

    def signed(self, size: int, note: str, *, roots: int) -> None:
        """A checkpoint of this size was kept, and with it the first so many of the unsaved roots."""
        self.signed_size = size
        self.unsaved = self.unsaved[roots:]
        self.unpublished = note
