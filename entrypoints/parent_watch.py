"""Children that outlive their supervisor leave by themselves, also when it was killed without a word."""

import os
import signal
import threading
from collections.abc import MutableMapping

PIPE_VARIABLE = "JOBLEDGER_SUPERVISOR_PIPE"


def watch_supervisor(environment: MutableMapping[str, str]) -> None:
    """Send this process SIGTERM when its supervisor is gone; nothing where it has none.

    The supervisor alone holds the writing end of a pipe and never writes: the end of the file is the end of
    the supervisor, however it died.
    """
    # Taken out, so that a process of ours, started by a job's function, does not take it for its own.
    descriptor = environment.pop(PIPE_VARIABLE, None)
    if descriptor is not None:
        threading.Thread(target=_leave_at_end_of, args=(int(descriptor),), daemon=True).start()


def _leave_at_end_of(pipe: int) -> None:
    while os.read(pipe, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
