"""A short run of the stress; `python -m tests.stress` makes long ones."""

from tests.conftest import TestDatabase
from tests.stress.sealing import SealingStress


async def test_nothing_is_missed_sealed_twice_or_out_of_order(database: TestDatabase) -> None:
    found = await SealingStress(database.url, seed=7).run(seconds=2.5)

    assert (found.missed, found.duplicated, found.inverted, found.wrong_leaves) == (0, 0, 0, 0)
    assert found.is_dense
    assert found.sealed == found.written > 100
    assert found.ticks > 10
