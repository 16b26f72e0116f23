"""Runs the parts of the service as child processes, and keeps them running."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import structlog

from entrypoints.loops import wait_for
from entrypoints.parent_watch import VARIABLE

log = structlog.get_logger()

FIRST_RESTART_SECONDS = 0.2
MAX_RESTART_SECONDS = 10.0
STEADY_SECONDS = 30.0


class Supervisor:
    """Child processes by name, each a command; `kill_after` bounds how long one may take to leave."""

    def __init__(
        self, commands: Mapping[str, Sequence[str]], environment: Mapping[str, str], *, kill_after: float
    ) -> None:
        self._commands = commands
        self._environment = environment
        self._kill_after = kill_after
        self._leaving = asyncio.Event()
        self.processes: dict[str, asyncio.subprocess.Process] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep every child running within the block; afterwards all have left, or were killed."""
        reading, writing = os.pipe()
        try:
            keepers = [
                asyncio.create_task(self._keep(name, command, reading))
                for name, command in self._commands.items()
            ]
            try:
                yield
            finally:
                self._leaving.set()
                await asyncio.gather(*keepers)
        finally:
            os.close(reading)
            os.close(writing)

    async def _keep(self, name: str, command: Sequence[str], pipe: int) -> None:
        wait = FIRST_RESTART_SECONDS
        loop = asyncio.get_running_loop()
        while not self._leaving.is_set():
            began = loop.time()
            process = await asyncio.create_subprocess_exec(
                *command,
                env={**self._environment, VARIABLE: str(pipe)},
                pass_fds=[pipe],
                stdin=asyncio.subprocess.DEVNULL,
                # Ctrl-C goes to a terminal's whole group; the children are told by us, in order.
                start_new_session=True,
            )
            self.processes[name] = process
            await self._until_it_ends(process)
            if self._leaving.is_set():
                return
            if loop.time() - began > STEADY_SECONDS:
                wait = FIRST_RESTART_SECONDS
            log.warning("child.died", child=name, code=process.returncode, restart_in_seconds=wait)
            await wait_for(self._leaving, at_most=wait)
            wait = min(wait * 2, MAX_RESTART_SECONDS)

    async def _until_it_ends(self, process: asyncio.subprocess.Process) -> None:
        ended = asyncio.create_task(process.wait())
        leaving = asyncio.create_task(self._leaving.wait())
        await asyncio.wait({ended, leaving}, return_when=asyncio.FIRST_COMPLETED)
        leaving.cancel()
        if not ended.done():
            process.terminate()
            try:
                await asyncio.wait_for(asyncio.shield(ended), self._kill_after)
            except TimeoutError:
                log.warning("child.killed", pid=process.pid)
                process.kill()
        await ended


def part(name: str) -> list[str]:
    """The command that runs one part of the service."""
    return [sys.executable, "-m", "entrypoints.cli", name]
