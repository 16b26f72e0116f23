"""Leaving when one's supervisor has died: a child must not outlive the tree that it belongs to.

The supervisor keeps the writing end of a pipe; nobody ever writes. When it dies, however it dies, the
reading end that its children inherited comes to its end.
"""

import os
import signal
from threading import Thread

VARIABLE = "JOBLEDGER_SUPERVISOR_PIPE"


def watch_parent() -> None:
    """Send this process SIGTERM once its supervisor, if it has one, is gone."""
    descriptor = os.environ.get(VARIABLE)
    if descriptor is not None:
        Thread(target=_watch, args=(int(descriptor),), daemon=True, name="parent-watch").start()


def _watch(descriptor: int) -> None:
    os.read(descriptor, 1)
    os.kill(os.getpid(), signal.SIGTERM)
