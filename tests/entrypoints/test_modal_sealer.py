"""Sealing in ticks, with nothing resident: what each tick records, and what it does not."""

import base64

import pytest

from domain.errors import InvalidSettings
from domain.ledger.notes import parse_checkpoint, parse_note, sign
from domain.ports.ledger_reading import EVERYTHING
from entrypoints import bootstrap, modal_sealer
from entrypoints.services import Services
from entrypoints.settings import Settings
from tests.builders import submission


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"modal_idle_seconds": 0.2})


async def tick(services: Services, settings: Settings) -> int:
    keys, copies = bootstrap.signing_keys(settings), bootstrap.checkpoint_copies(settings)
    return await modal_sealer.seal_for(services, keys, copies, settings)


async def types(services: Services) -> list[str]:
    return [event.envelope.type for event in await services.ledger.read(EVERYTHING, after=0, limit=1000)]


def published(settings: Settings) -> str:
    return (settings.data_directory / "checkpoints" / "checkpoint").read_text(encoding="utf-8")


async def test_a_tick_with_nothing_new_records_nothing_and_one_with_something_goes_on(
    services: Services, settings: Settings
) -> None:
    ticks = [await tick(services, settings)]
    for _ in range(2):
        await services.store.append([submission()])
        ticks += [await tick(services, settings), await tick(services, settings)]
    head = await services.ledger.head()

    assert ticks == [0, 4, 0, 3, 0]
    assert await types(services) == [
        "JobSubmitted", "LedgerKeysChanged", "LedgerStarted", "LedgerStopped",
        "JobSubmitted", "LedgerStarted", "LedgerStopped",
    ]  # fmt: skip
    assert head is not None
    assert head.note == published(settings)
    assert parse_checkpoint(parse_note(head.note).body).size == 7


async def test_a_copy_that_says_more_than_the_database_is_noticed_by_a_tick_with_nothing_new(
    services: Services, settings: Settings
) -> None:
    await services.store.append([submission()])
    await tick(services, settings)
    before = parse_checkpoint(parse_note(published(settings)).body)
    ahead = sign(before._replace(size=99).body, bootstrap.signing_keys(settings).signers(before.origin))
    await bootstrap.checkpoint_copies(settings).keep(str(ahead))
    await tick(services, settings)

    assert "LedgerRestored" in await types(services)
    assert parse_checkpoint(parse_note(published(settings)).body).origin == f"{before.origin}/tree-2"


async def test_without_a_key_none_is_made(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    monkeypatch.delenv("LEDGER_KEY", raising=False)
    with pytest.raises(InvalidSettings, match="the secret jobledger-ledger must hold it"):
        await modal_sealer.seal()


async def test_a_key_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    monkeypatch.setenv("LEDGER_KEY", base64.b64encode(b"short").decode())
    monkeypatch.setenv("TRANSACTION_POOLER_URL", settings.database_url)
    with pytest.raises(InvalidSettings, match="LEDGER_KEY: a key is 32 random bytes"):
        await modal_sealer.seal()
