"""A logical dump in another server, whose transactions have smaller numbers than those that were dumped."""

import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from adapters.embedded_postgres import EmbeddedPostgres, bundled_binaries
from adapters.migrations import upgrade
from adapters.postgres import other_server
from adapters.postgres.statements import statement
from domain.errors import HistoryTakenBack
from domain.ports.ledger_reading import EVERYTHING
from entrypoints import bootstrap
from entrypoints.services import Services
from entrypoints.settings import Settings
from tests.conftest import TestDatabase
from tests.entrypoints.test_sealer import sealer, submit, until_sealed, verdict_of

ROLES = Path(__file__).parents[2] / "alembic" / "sql" / "0001_roles.sql"
QUICK = {"fsync": "off", "shared_buffers": "16MB"}


@pytest.fixture
def moved(services: Services, settings: Settings, database: TestDatabase) -> Iterator[Settings]:
    """The settings of the service over a new server, into which the test's database is dumped by `move`."""
    with TemporaryDirectory(prefix="jobledger-moved-") as directory:
        server = EmbeddedPostgres(Path(directory) / "postgres")
        server.start(QUICK)
        server.database("moved")
        url = make_conninfo(server.url, dbname="moved")
        service = make_conninfo(url, user="jobledger_service")
        try:
            yield settings.model_copy(
                update={
                    "transaction_pooler_url": SecretStr(service),
                    "migration_url": SecretStr(url),
                    "listen_url": SecretStr(service),
                    "database_is_pooled": False,
                }
            )
        finally:
            server.stop("immediate")


def spend(url: str, numbers: int) -> None:
    """Bring the server's transactions so far ahead of those of a new one."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT set_config('jobledger.numbers_to_spend', %s, false)", [str(numbers)])
        connection.execute(statement("other_server/spend"))


def move(database: TestDatabase, moved: Settings) -> None:
    """As docs/backup.md does it."""
    pg_dump, psql = (str(bundled_binaries() / name) for name in ("pg_dump", "psql"))
    command = [pg_dump, "--schema=jobledger", "--schema=pgmq", database.owner_url]
    said = subprocess.run(command, check=True, capture_output=True)
    command = [psql, "--quiet", "--set=ON_ERROR_STOP=1", moved.owner_url]
    roles = ROLES.read_bytes() + b"\nALTER ROLE jobledger_service LOGIN;\n"
    for script in (roles, said.stdout):
        subprocess.run(command, input=script, check=True, capture_output=True)


async def test_the_ledger_goes_on_in_another_server(
    services: Services, settings: Settings, database: TestDatabase, moved: Settings
) -> None:
    spend(database.owner_url, 5_000)
    async with sealer(services, settings):
        await submit(services, 5)
        await until_sealed(services, 7)
    await submit(services, 3)
    move(database, moved)
    async with bootstrap.open_services(moved) as there:
        await submit(there, 2)
        with pytest.raises(HistoryTakenBack, match="jobledger migrate"):
            await there.sealing.newest_tree()
        for _ in range(2):
            upgrade(moved.owner_url)
        await submit(there, 4)
        async with sealer(there, moved):
            await until_sealed(there, 19)
        events = await there.ledger.read(EVERYTHING, after=0, limit=1000)

        assert await verdict_of(there) == []
    sealed = Counter(event.envelope.type for event in events)
    assert sealed["JobSubmitted"] == 14
    assert sealed["LedgerMoved"] == 1
    assert len({(event.envelope.job_id, event.envelope.version) for event in events}) == len(events)


async def test_a_server_that_cannot_catch_up_says_so_and_changes_nothing(
    services: Services,
    settings: Settings,
    database: TestDatabase,
    moved: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(other_server, "AT_MOST", 100)
    spend(database.owner_url, 5_000)
    async with sealer(services, settings):
        await submit(services, 1)
        await until_sealed(services, 3)
    move(database, moved)
    with pytest.raises(HistoryTakenBack, match="Restore a physical backup"):
        upgrade(moved.owner_url)
    async with bootstrap.open_services(moved) as there:
        recent = await there.ledger.read(EVERYTHING, after=0, limit=1000)

    assert recent[-1].envelope.type == "LedgerStopped"
