"""Several processes for what one would take long over: pure Python uses a single core."""

import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

from entrypoints.parent_watch import leave_with_parent
from entrypoints.parts import rest_the_collector


def processors() -> int:
    """How many processes can work at once here."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def helpers(count: int) -> Iterator[ProcessPoolExecutor]:
    """So many processes, to be given work before this one starts a loop or a thread.

    They leave Ctrl-C to this one, and with it, however it ends. When one of them is killed, what was asked of
    any of them raises BrokenProcessPool.
    """
    # A fork has everything imported already, which is half a second otherwise; elsewhere it is no safe start.
    method = "fork" if sys.platform == "linux" else "spawn"
    context = multiprocessing.get_context(method)
    executor = ProcessPoolExecutor(count, mp_context=context, initializer=_begin)
    try:
        yield executor
    except BaseException:
        # Whatever they are at is of no use any more, and may take long.
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    finally:
        executor.shutdown(cancel_futures=True)


def _begin() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    leave_with_parent()
    rest_the_collector()
