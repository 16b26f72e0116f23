"""How many attempts a worker takes on at once, so that it keeps the leases of those it has."""

from dataclasses import dataclass, field

GROWTH = 1.5


@dataclass(slots=True)
class Pace:
    """A limit of at most `most`, halved when leases were lost and slowly raised while all are kept.

    A worker that takes on more than its machine can serve is late with its heartbeats, loses every lease at
    once, and would take the same jobs again, for ever. Additive increase is too slow over three orders of
    magnitude, so the rise is multiplicative too; after Chiu and Jain, "Analysis of the Increase and Decrease
    Algorithms for Congestion Avoidance in Computer Networks" (1989).
    """

    most: int
    limit: int = field(init=False)

    def __post_init__(self) -> None:
        self.limit = self.most

    def kept(self) -> None:
        """Every lease was kept."""
        self.limit = min(self.most, int(self.limit * GROWTH) + 1)

    def lost(self, *, held: int) -> None:
        """Some of `held` leases were lost."""
        self.limit = max(1, min(self.limit, held) // 2)
