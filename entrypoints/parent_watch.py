"""Children that outlive their supervisor leave by themselves, also when it was killed without a word."""

import multiprocessing
import os
import signal
import threading
from collections.abc import MutableMapping
from multiprocessing.process import BaseProcess
from typing import NamedTuple

PIPE_VARIABLE = "JOBLEDGER_SUPERVISOR_PIPE"
PROCESS_VARIABLE = "JOBLEDGER_PROCESS"
EXITED_VARIABLE = "JOBLEDGER_EXITED"


class Lineage(NamedTuple):
    """What a supervisor calls this process, and those before it in its place: all of them have exited."""

    process_id: str | None = None
    exited: tuple[str, ...] = ()


ALONE = Lineage()


def lineage(environment: MutableMapping[str, str]) -> Lineage:
    """Who this process is to its supervisor; nobody where it has none. Taken out, as below."""
    exited = environment.pop(EXITED_VARIABLE, "")
    return Lineage(environment.pop(PROCESS_VARIABLE, None), tuple(filter(None, exited.split(","))))


def watch_supervisor(environment: MutableMapping[str, str]) -> None:
    """Send this process SIGTERM when its supervisor is gone; nothing where it has none.

    The supervisor alone holds the writing end of a pipe and never writes: the end of the file is the end of
    the supervisor, however it died.
    """
    # Taken out, so that a process of ours, started by a job's function, does not take it for its own.
    descriptor = environment.pop(PIPE_VARIABLE, None)
    if descriptor is not None:
        threading.Thread(target=_leave_at_end_of, args=(int(descriptor),), daemon=True).start()


def leave_with_parent() -> None:
    """End this process of `multiprocessing` at once when the one that started it is gone, however it died."""
    parent = multiprocessing.parent_process()
    if parent:
        threading.Thread(target=_leave_after, args=(parent,), daemon=True).start()


def _leave_after(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)


def _leave_at_end_of(pipe: int) -> None:
    while os.read(pipe, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
