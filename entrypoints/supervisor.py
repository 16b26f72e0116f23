"""Runs the parts of a service as child processes, and restarts those that crash."""

import asyncio
import os
import signal
import time
import uuid
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO

import structlog

from domain.errors import InvalidSettings
from entrypoints.loops import wait_for
from entrypoints.parent_watch import EXITED_VARIABLE, PIPE_VARIABLE, PROCESS_VARIABLE

log = structlog.get_logger()

FIRST_BACKOFF_SECONDS = 0.2
MAX_BACKOFF_SECONDS = 10.0
# One that lived this long was well; its next crash is a new story.
WELL_AFTER_SECONDS = 30.0
# How a part says that it cannot start as configured, so that starting it again is no help.
MISCONFIGURED = 2
# Predecessors that a part is told of: one may have crashed before it had cleared up after the one before.
REMEMBERED = 20


@dataclass(frozen=True, slots=True)
class Part:
    """One child process.

    `name` is for people, `passes` are descriptors that it inherits, `environment` is for it alone. A
    temporary one may leave of its own accord, and is not started again then.
    """

    name: str
    command: tuple[str, ...]
    passes: tuple[int, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    is_temporary: bool = False
    max_backoff_seconds: float = MAX_BACKOFF_SECONDS


class Supervisor:
    """Keeps its parts running, and takes them down together.

    What they print goes to `output`. Each is the head of a session of its own, so that Ctrl-C in a terminal
    reaches the supervisor alone. One that has not left `drain_seconds` after it was asked to is killed. Each
    process is told what it is called, and what those were called that had its place and have exited.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        *,
        environment: Mapping[str, str],
        output: IO[str],
        drain_seconds: float,
    ) -> None:
        self._parts = parts
        self._environment = environment
        self._output = output
        self._drain_seconds = drain_seconds
        self.pids: dict[str, int] = {}
        self._exited: dict[str, deque[str]] = {part.name: deque(maxlen=REMEMBERED) for part in parts}

    async def run(self, leaving: asyncio.Event) -> None:
        """Run all parts until `leaving`, which it sets itself when one cannot be run; then end them all.

        Raises InvalidSettings when a part refused, at its first start, to start as configured.
        """
        reading, writing = os.pipe()
        tasks = [asyncio.create_task(self._keep(part, reading, leaving)) for part in self._parts]
        try:
            await asyncio.gather(*tasks)
        finally:
            leaving.set()
            await asyncio.gather(*tasks, return_exceptions=True)
            os.close(writing)
            os.close(reading)

    async def _keep(self, part: Part, pipe: int, leaving: asyncio.Event) -> None:
        backoff = FIRST_BACKOFF_SECONDS
        has_run = False
        while not leaving.is_set():
            began = time.monotonic()
            process_id = str(uuid.uuid4())
            process = await self._start(part, pipe, process_id)
            await self._until_exit(process, leaving)
            self._exited[part.name].append(process_id)
            if leaving.is_set() or (part.is_temporary and process.returncode == 0):
                return
            # One that has run before is configured well enough: whatever hinders it now may pass.
            if process.returncode == MISCONFIGURED and not has_run:
                raise InvalidSettings(f"{part.name} cannot start as configured.")
            has_run = True
            if time.monotonic() - began > WELL_AFTER_SECONDS:
                backoff = FIRST_BACKOFF_SECONDS
            log.error("part.died", part=part.name, exit_code=process.returncode, restarts_in_seconds=backoff)
            await wait_for(leaving, at_most=backoff)
            backoff = min(backoff * 2, part.max_backoff_seconds)

    async def _start(self, part: Part, pipe: int, process_id: str) -> asyncio.subprocess.Process:
        lineage = {PROCESS_VARIABLE: process_id, EXITED_VARIABLE: ",".join(self._exited[part.name])}
        process = await asyncio.create_subprocess_exec(
            *part.command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._output,
            env={**self._environment, **part.environment, **lineage, PIPE_VARIABLE: str(pipe)},
            pass_fds=(pipe, *part.passes),
            start_new_session=True,
        )
        self.pids[part.name] = process.pid
        log.debug("part.started", part=part.name, pid=process.pid)
        return process

    async def _until_exit(self, process: asyncio.subprocess.Process, leaving: asyncio.Event) -> None:
        """Return when the process has ended; end it when `leaving` comes first."""
        exited = asyncio.create_task(process.wait())
        asked = asyncio.create_task(leaving.wait())
        try:
            await asyncio.wait((exited, asked), return_when=asyncio.FIRST_COMPLETED)
            if not exited.done():
                _send(process, signal.SIGTERM)
                await asyncio.wait((exited,), timeout=self._drain_seconds)
            if not exited.done():
                log.error("part.killed", pid=process.pid, drain_seconds=self._drain_seconds)
                _send(process, signal.SIGKILL)
            await exited
        finally:
            asked.cancel()


def _send(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    # It may have ended in this very moment.
    with suppress(ProcessLookupError):
        process.send_signal(number)
