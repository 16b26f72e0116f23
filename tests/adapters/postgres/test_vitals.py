"""How far the ledger is, which only PostgreSQL keeps."""

from entrypoints.services import Services
from tests.builders import submission


async def test_what_the_ledger_has_not_come_to_is_unsealed_and_then_unsigned(services: Services) -> None:
    await services.store.append([submission()])
    before = await services.vitals.read()
    while await services.sealing.seal(limit=1000):
        pass
    after = await services.vitals.read()

    assert before.oldest_unsealed_at is not None
    assert (before.ledger_size, before.signed_size) == (0, 0)
    assert after.oldest_unsealed_at is None
    assert (after.ledger_size, after.signed_size) == (1, 0)
