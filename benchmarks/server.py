"""One embedded PostgreSQL with the shipped settings, a fresh database for each measure."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from pydantic import SecretStr

from adapters.embedded_postgres import EmbeddedPostgres
from adapters.migrations import upgrade
from entrypoints import bootstrap
from entrypoints.parts import rest_the_collector
from entrypoints.services import Services
from entrypoints.settings import Settings

ADDRESS = ("127.0.0.1", 18123)
DATABASE = "bench"


@dataclass(frozen=True, slots=True)
class Bench:
    """A running server; `settings` are the shipped defaults over `database`."""

    server: EmbeddedPostgres
    directory: Path
    settings: Settings
    database: str = DATABASE

    def over(self, database: str) -> "Bench":
        """The same server with another database, as it is, brought up to date."""
        return _over(self.server, self.directory, database)

    def fresh(self) -> None:
        """Begin again with empty tables."""
        self.drop(self.database)
        upgrade(self.server.database(self.database))

    def drop(self, database: str) -> None:
        with psycopg.connect(self.server.url, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)'.encode())

    def rows(self, query: str, *, database: str | None = None) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.server.database(database or self.database), autocommit=True) as connection:
            return connection.execute(query.encode()).fetchall()

    def run(self, *queries: str, database: str | None = None) -> None:
        with psycopg.connect(self.server.database(database or self.database), autocommit=True) as connection:
            for query in queries:
                connection.execute(query.encode())

    def wal_bytes(self) -> int:
        return int(self.rows("SELECT pg_current_wal_lsn() - '0/0'")[0][0])

    @asynccontextmanager
    async def services(self) -> AsyncIterator[Services]:
        async with bootstrap.open_services(self.settings) as services:
            yield services


def _over(server: EmbeddedPostgres, directory: Path, database: str) -> Bench:
    owner_url = server.database(database)
    upgrade(owner_url)
    url = SecretStr(server.let_in("jobledger_service", database=database))
    settings = Settings(
        transaction_pooler_url=url,
        migration_url=SecretStr(owner_url),
        listen_url=url,
        database_is_pooled=False,
        data_directory=directory,
        api_host=ADDRESS[0],
        api_port=ADDRESS[1],
    )
    return Bench(server, directory, settings, database)


@contextmanager
def bench(directory: Path | None = None) -> Iterator[Bench]:
    """A server that is gone afterwards, or one in `directory`, whose data stays."""
    with tempfile.TemporaryDirectory(prefix="jobledger-bench-") as name:
        place = directory or Path(name)
        place.mkdir(parents=True, exist_ok=True)
        server = EmbeddedPostgres(place / "postgres")
        server.start()
        try:
            yield _over(server, place, DATABASE)
        finally:
            server.stop()


def run(work: Any) -> Any:
    """As each part of the service runs: on its loop, with its collector."""
    import uvloop  # noqa: PLC0415 - the loop that the service runs on

    rest_the_collector()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)
