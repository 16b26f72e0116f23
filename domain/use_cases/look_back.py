"""Seeing a job as it was."""

from datetime import datetime

from domain.errors import NotSealed
from domain.events import RecordedEvent
from domain.identifiers import JobId
from domain.ports.event_store import EventStore
from domain.ports.ledger_reading import EventFilter, LedgerReading
from domain.views import JobView, project

EVENTS_AT_ONCE = 500


async def look_back(store: EventStore, *, job_id: JobId, as_of: int | datetime) -> JobView | None:
    """The job at a version, or at a time with what happened at that very instant.

    None when it was not there yet, or has not come to that version. What was erased since stays erased.
    """
    view: JobView | None = None
    version = 0
    while True:
        page = await store.read_stream(job_id, after_version=version, limit=EVENTS_AT_ONCE)
        for recorded in page:
            if _is_later(recorded, as_of):
                return view
            view = project(view, recorded)
            version = recorded.version
        if len(page) < EVENTS_AT_ONCE:
            return None if isinstance(as_of, int) and version < as_of else view


async def version_at(ledger: LedgerReading, *, job_id: JobId, position: int) -> int:
    """The job's version when the ledger had come to `position`; 0 when the job was not there yet.

    Raises NotSealed for a position that is still to come.
    """
    last = await ledger.last_position()
    if position > last:
        raise NotSealed(f"The ledger has come to position {last}, not {position}.")
    version = after = 0
    while page := await ledger.read(
        EventFilter(job_id=job_id), after=after, through=position, limit=EVENTS_AT_ONCE
    ):
        version, after = page[-1].envelope.version, page[-1].position
    return version


def _is_later(recorded: RecordedEvent, as_of: int | datetime) -> bool:
    return recorded.version > as_of if isinstance(as_of, int) else recorded.recorded_at > as_of
