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
from entrypoints.services import Services
from entrypoints.settings import Settings

ADDRESS = ("127.0.0.1", 18123)
DATABASE = "bench"


@dataclass(frozen=True, slots=True)
class Bench:
    """A running server; `settings` are the shipped defaults over its database."""

    server: EmbeddedPostgres
    directory: Path
    settings: Settings

    def fresh(self) -> None:
        """Begin again with empty tables."""
        self.drop(DATABASE)
        upgrade(self.server.database(DATABASE))

    def drop(self, database: str) -> None:
        with psycopg.connect(self.server.url, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)'.encode())

    def rows(self, query: str, *, database: str = DATABASE) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.server.database(database), autocommit=True) as connection:
            return connection.execute(query.encode()).fetchall()

    def run(self, *queries: str, database: str = DATABASE) -> None:
        with psycopg.connect(self.server.database(database), autocommit=True) as connection:
            for query in queries:
                connection.execute(query.encode())

    def wal_bytes(self) -> int:
        return int(self.rows("SELECT pg_current_wal_lsn() - '0/0'")[0][0])

    @asynccontextmanager
    async def services(self) -> AsyncIterator[Services]:
        async with bootstrap.open_services(self.settings) as services:
            yield services


@contextmanager
def bench() -> Iterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="jobledger-bench-") as name:
        directory = Path(name)
        server = EmbeddedPostgres(directory / "postgres")
        server.start()
        try:
            owner_url = server.database(DATABASE)
            upgrade(owner_url)
            url = SecretStr(server.let_in("jobledger_service", database=DATABASE))
            settings = Settings(
                transaction_pooler_url=url,
                migration_url=SecretStr(owner_url),
                listen_url=url,
                database_is_pooled=False,
                data_directory=directory,
                api_host=ADDRESS[0],
                api_port=ADDRESS[1],
            )
            yield Bench(server, directory, settings)
        finally:
            server.stop()


def run(work: Any) -> Any:
    import uvloop  # noqa: PLC0415 - the loop that the service runs on

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)
