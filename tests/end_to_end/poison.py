"""A job type that no process survives."""

import os
import signal
from typing import Any

from domain.identifiers import Json
from domain.job_types import JobContext, job_type
from domain.retries import RetryPolicy


@job_type("kills_its_process", retry=RetryPolicy(max_lost_attempts=1, first_delay_seconds=0.1))
async def kills_its_process(context: JobContext, parameters: dict[str, Any]) -> Json:
    os.kill(os.getpid(), signal.SIGKILL)
    return None
