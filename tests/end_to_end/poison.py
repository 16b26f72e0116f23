"""A job type that no process survives, and one that suffers from it."""

import os
import signal
from pathlib import Path
from typing import Any

from domain.identifiers import Json
from domain.job_types import JobContext, job_type
from domain.retries import RetryPolicy

QUICK = RetryPolicy(max_lost_attempts=1, first_delay_seconds=0.1)


@job_type("kills_its_process", retry=QUICK)
async def kills_its_process(context: JobContext, parameters: dict[str, Any]) -> Json:
    os.kill(os.getpid(), signal.SIGKILL)
    return None


@job_type("kills_once_all_run", retry=QUICK)
async def kills_once_all_run(context: JobContext, parameters: dict[str, Any]) -> Json:
    """Takes down whatever runs beside it, the first time not before everything does."""
    while context.attempt == 1 and len(list(Path(parameters["directory"]).iterdir())) < parameters["beside"]:
        await context.sleep(0.05)
    os.kill(os.getpid(), signal.SIGKILL)
    return None


@job_type("is_killed_once", retry=QUICK)
async def is_killed_once(context: JobContext, parameters: dict[str, Any]) -> Json:
    """Runs until a neighbour takes it down; the second try takes its time and is then done."""
    (Path(parameters["directory"]) / context.job_id).touch()
    while context.attempt == 1:
        await context.sleep(0.05)
    await context.sleep(0.2)
    return None
