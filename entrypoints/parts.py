"""The parts of the service, each a process: `python -m entrypoints.parts NAME [descriptor]`.

Apart from the command line, because a part starts in half the time without what only people need.
"""

import asyncio
import gc
import os
import sys
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import uvloop

from domain.errors import JobledgerError
from entrypoints.log_setup import set_up_logging
from entrypoints.parent_watch import watch_supervisor
from entrypoints.settings import Settings, load_settings

Run = Callable[[Settings], Coroutine[Any, Any, None]]


def run_part(name: str, *, listening_on: int | None = None) -> None:
    """Run the part until it is told to leave; raises InvalidSettings when it cannot start as configured.

    The API serves on the descriptor `listening_on`, a socket that it inherited, where one is given.
    """
    settings = load_settings()
    set_up_logging(settings.log_level)
    watch_supervisor(os.environ)
    run = _part(name, listening_on)
    rest_the_collector()
    run_async(run(settings))


def rest_the_collector() -> None:
    """Let Python look for cyclic garbage a hundred times less often than it would.

    A part makes and drops thousands of values a batch, hardly ever in cycles; looking for them among all that
    lives took a third of the time of a busy worker.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(70_000, 10, 10)


def _part(name: str, listening_on: int | None) -> Run:
    # Imported one by one: only the API needs FastAPI, which takes as long as everything else together.
    if name == "api":
        from entrypoints.api.server import run_api  # noqa: PLC0415

        return partial(run_api, listening_on=listening_on)
    if name == "relay":
        from entrypoints.relay import run_relay  # noqa: PLC0415

        return run_relay
    if name == "sealer":
        from entrypoints.sealer import run_sealer  # noqa: PLC0415

        return run_sealer
    if name == "ward":
        from entrypoints.ward import run_ward  # noqa: PLC0415

        return run_ward
    from entrypoints.worker import run_worker  # noqa: PLC0415

    return run_worker


def run_async(work: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


if __name__ == "__main__":
    try:
        run_part(sys.argv[1], listening_on=int(sys.argv[2]) if sys.argv[2:] else None)
    except JobledgerError as error:
        sys.stderr.write(f"jobledger: {error}\n")
        sys.exit(2)
