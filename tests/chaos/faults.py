"""What can go wrong, done on purpose to processes of this run, by pid."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any

import psycopg

from adapters.embedded_postgres import EmbeddedPostgres
from tests.chaos.pooled import PooledWorker
from tests.end_to_end.up import Up

FREEZE_SECONDS = 4.0
USED_UP_SECONDS = 1.0
FROZEN_AT_ONCE = 3


class Faults:
    """One fault at a time, each chosen by chance. `pooled` is None where there is no PgBouncer."""

    def __init__(
        self, up: Up, server: EmbeddedPostgres, random: Random, pooled: PooledWorker | None = None
    ) -> None:
        self._up = up
        self._server = server
        self._pooled = pooled
        self._random = random
        self.done: Counter[str] = Counter()

    def one(self) -> None:
        kinds: dict[str, Callable[[], None]] = {
            "worker killed": lambda: self._kill("worker"),
            "relay killed": lambda: self._kill("relay"),
            "API killed": lambda: self._kill("api"),
            "worker frozen": lambda: self._freeze("worker"),
            "relay frozen": lambda: self._freeze("relay"),
            "connections dropped": self._drop_connections,
            "connections frozen": self._freeze_connections,
            "connections used up": self._use_up_connections,
            "database crashed": self._crash_the_database,
        }
        if self._pooled:
            kinds |= {
                "PgBouncer killed": self._pooled.pooler.restart,
                "pooled worker killed": self._pooled.kill,
            }
        name = self._random.choice(list(kinds))
        with suppress(ProcessLookupError, psycopg.Error, KeyError, FileNotFoundError, IndexError):
            kinds[name]()
            self.done[name] += 1

    def _crash_the_database(self) -> None:
        """An immediate stop; by its pid, because pg_ctl would wait, and take the next one for this."""
        pid = (self._server.directory / "postmaster.pid").read_text().split()[0]
        os.kill(int(pid), signal.SIGQUIT)

    def _kill(self, part: str) -> None:
        os.kill(self._up.children()[part], signal.SIGKILL)

    def _freeze(self, part: str) -> None:
        _freeze([self._up.children()[part]])

    def _freeze_connections(self) -> None:
        """The server's side of some of the service's connections, with whatever they hold."""
        with psycopg.connect(self._server.url, connect_timeout=2) as connection:
            query = "SELECT pid FROM pg_stat_activity WHERE usename = 'jobledger_service'"
            pids = [row[0] for row in connection.execute(query).fetchall()]
        _freeze(self._random.sample(pids, min(FROZEN_AT_ONCE, len(pids))))

    def _drop_connections(self) -> None:
        with psycopg.connect(self._server.url, autocommit=True, connect_timeout=2) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'jobledger_service'"
            )

    def _use_up_connections(self) -> None:
        held: list[psycopg.Connection[Any]] = []
        with suppress(psycopg.Error):
            held.extend(psycopg.connect(self._server.url, connect_timeout=2) for _ in range(250))
        # How long the fault lasts, not how long anybody waits for something.
        time.sleep(USED_UP_SECONDS)
        for connection in held:
            connection.close()


def _freeze(pids: list[int]) -> None:
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(FREEZE_SECONDS)
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
