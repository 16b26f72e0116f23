"""What an autoscaler is told."""

from typing import Any

from domain.scaling import Load, Steady, wanted_workers
from entrypoints.metrics.readings import Readings
from entrypoints.settings import Settings

OLDEST_READING_SECONDS = 60
LOCAL = "local"


async def advice(readings: Readings, steady: Steady, settings: Settings) -> dict[str, Any] | None:
    """The load and how many workers there should be; None when the service could not be read of late."""
    await readings.refresh()
    reading = readings.last
    if reading is None or readings.age_seconds > OLDEST_READING_SECONDS:
        return None
    # Remote compute scales itself.
    living = [worker.presence for worker in reading.workers if worker.presence.compute == LOCAL]
    load = Load(
        backlog=reading.backlog,
        oldest_due_seconds=reading.oldest_due_seconds,
        running=sum(worker.running for worker in living),
        workers=len(living),
        capacity=sum(worker.concurrency for worker in living),
    )
    wanted = wanted_workers(
        load, target_seconds=settings.scaling_target_seconds, usual_capacity=settings.worker_concurrency
    )
    suggested = steady.suggest(wanted, living=load.workers, at=reading.vitals.read_at)
    return {
        "read_at": reading.vitals.read_at.isoformat(),
        **load._asdict(),
        "suggested_workers": suggested,
    }
