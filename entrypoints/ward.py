"""A ward: a worker process for isolated jobs, so few together that innocent ones complete."""

import os

from domain.isolation import ISOLATED
from entrypoints import bootstrap
from entrypoints.lanes import IsolatedLane
from entrypoints.loops import leave_on_signals
from entrypoints.parent_watch import lineage
from entrypoints.settings import Settings
from entrypoints.worker import Worker


async def run_ward(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT, or until no isolated job has come for a while; then drain."""
    leaving = leave_on_signals()
    we = lineage(os.environ)
    async with bootstrap.open_services(settings, bootstrap.tracing("worker")) as services:
        compute = bootstrap.local_compute(services, settings, name=ISOLATED)
        worker = Worker(services, compute, settings, we, IsolatedLane(services, settings, leaving))
        await worker.run(leaving)
    if worker.has_abandoned:
        os._exit(0)
