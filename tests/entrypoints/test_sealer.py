"""The sealer over the real database: what it records, signs and publishes, alone and among others."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from domain.ledger.lines import line
from domain.ledger.notes import LogKey, parse_checkpoint, parse_key, parse_note
from domain.ledger.verifier import verify
from domain.ports.ledger_reading import EVERYTHING
from domain.use_cases.export import Export, begin, export
from entrypoints import bootstrap
from entrypoints.sealer import Sealer
from entrypoints.services import Services
from entrypoints.settings import Settings
from tests.builders import submission
from tests.waiting import until


@asynccontextmanager
async def sealer(services: Services, settings: Settings) -> AsyncIterator[None]:
    leaving = asyncio.Event()
    keys, copies = bootstrap.signing_keys(settings), bootstrap.checkpoint_copies(settings)
    running = asyncio.create_task(Sealer(services, keys, copies, settings).run(leaving))
    try:
        yield
    finally:
        leaving.set()
        await running


async def submit(services: Services, jobs: int) -> None:
    await services.store.append([submission() for _ in range(jobs)])


async def until_sealed(services: Services, position: int) -> None:
    async def is_sealed() -> bool:
        return await services.ledger.last_position() >= position

    await until(is_sealed)


async def types(services: Services) -> list[str]:
    return [event.envelope.type for event in await services.ledger.read(EVERYTHING, after=0, limit=1000)]


async def verdict_of(services: Services) -> list[str]:
    """What is wrong with an export of everything."""
    whole = Export(EVERYTHING)
    tree = await begin(services.ledger, whole)
    lines = [line(fields) async for fields in export(services.ledger, tree, whole, about={})]
    verdict = verify(lines, await services.ledger.keys(), bootstrap.check_signature)
    return [finding.what for finding in verdict.findings]


def published(settings: Settings) -> str:
    return (settings.data_directory / "checkpoints" / "checkpoint").read_text(encoding="utf-8")


async def test_what_is_committed_is_sealed_signed_and_published(
    services: Services, settings: Settings
) -> None:
    async with sealer(services, settings):
        await until_sealed(services, 2)
        await submit(services, 5)
        await until_sealed(services, 7)
    (key,) = await services.ledger.keys()
    note = parse_note(published(settings))

    assert await types(services) == [
        "LedgerKeysChanged", "LedgerStarted", *["JobSubmitted"] * 5, "LedgerStopped",
    ]  # fmt: skip
    assert parse_checkpoint(note.body).size == 8
    assert note.is_signed_by(key, bootstrap.check_signature)
    assert await verdict_of(services) == []


async def test_two_sealers_get_the_same_done_as_one(services: Services, settings: Settings) -> None:
    async with sealer(services, settings), sealer(services, settings):
        for _ in range(10):
            await submit(services, 3)
        await until_sealed(services, 33)
    sealed = await types(services)

    assert sealed.count("JobSubmitted") == 30
    assert sealed.count("LedgerStarted") == sealed.count("LedgerStopped") == 2
    assert sealed.count("LedgerKeysChanged") == 1
    assert await verdict_of(services) == []


async def test_a_key_is_replaced_with_overlap_while_the_sealer_runs(
    services: Services, settings: Settings
) -> None:
    async with sealer(services, settings):
        await until_sealed(services, 2)
        rotated = rotate(settings, "--reason", "yearly")
        await submit(services, 1)
        await until_sealed(services, 4)
        old, new = [str(key) for key in reversed(await services.ledger.keys())]
        await until_signed_by(settings, [parse_key(new), parse_key(old)])
        finished = rotate(settings, "--reason", "yearly", "--finish")
        await submit(services, 1)
        await until_signed_by(settings, [parse_key(new)])
    changes = [
        (event.payload, event.envelope.actor_id)
        for event in await services.ledger.read(EVERYTHING, after=0, limit=1000)
        if event.envelope.type == "LedgerKeysChanged"
    ]

    assert rotated.endswith(f"{new}\n{old}\n")
    assert finished.endswith(f"{new}\n")
    assert old not in finished
    assert changes[0] == (None, "sealer")
    assert changes[1:] == [('{"reason":"yearly"}', "jobledger-rotate-key")] * 2
    assert await verdict_of(services) == []


async def until_signed_by(settings: Settings, keys: list[LogKey]) -> None:
    wanted = [(key.name, key.id) for key in keys]
    await until(lambda: signers(settings) == wanted)


def signers(settings: Settings) -> list[tuple[str, bytes]]:
    """Whose signatures the published checkpoint bears; nobody's before the first is published."""
    try:
        return [(signed.name, signed.key_id) for signed in parse_note(published(settings)).signatures]
    except FileNotFoundError:
        return []


def environment(settings: Settings) -> dict[str, str]:
    return os.environ | {
        "TRANSACTION_POOLER_URL": settings.database_url,
        "DATABASE_IS_POOLED": "false",
        "DATA_DIRECTORY": str(settings.data_directory),
    }


def rotate(settings: Settings, *options: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "entrypoints.cli", "rotate-key", *options],
        env=environment(settings), capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return done.stdout


async def test_a_killed_sealer_is_no_loss(services: Services, settings: Settings, tmp_path: Path) -> None:
    log = tmp_path / "log"
    for jobs in (10, 20):
        with log.open("a") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "entrypoints.parts", "sealer", env=environment(settings), stderr=output
            )
        await submit(services, 10)
        await until_sealed(services, jobs)
        process.send_signal(signal.SIGKILL)
        await process.wait()
    await submit(services, 10)
    async with sealer(services, settings):
        await until_sealed(services, 34)
    sealed = await types(services)

    assert sealed.count("JobSubmitted") == 30
    assert sealed.count("LedgerStarted") == 3
    assert sealed.count("LedgerStopped") == 1
    assert await verdict_of(services) == []


async def test_a_restored_database_goes_on_in_a_new_tree(services: Services, settings: Settings) -> None:
    """The copy of a checkpoint says more than the database holds."""
    async with sealer(services, settings):
        await submit(services, 5)
    note = parse_note(published(settings))
    said = note.body.splitlines()
    (settings.data_directory / "checkpoints" / "checkpoint").write_text(
        "\n".join([said[0], str(int(said[1]) + 100), said[2], "", str(note).rsplit("\n\n", 1)[1]])
    )
    async with sealer(services, settings):
        await submit(services, 2)
        await until_sealed(services, 11)
    tree = await services.sealing.newest_tree()
    sealed = await types(services)

    assert tree is not None
    assert tree.origin == f"{said[0]}/tree-2"
    assert sealed[tree.first_position - 1] == "LedgerRestored"
    assert parse_checkpoint(parse_note(published(settings)).body).origin == tree.origin
    assert await verdict_of(services) == []
