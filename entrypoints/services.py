"""Everything a process works with, as one value that `bootstrap` fills and entry points read."""

from dataclasses import dataclass, field

from domain.job_types import JobTypes
from domain.ports.archive import Archive, ArchivedMonths, ArchiveFiles
from domain.ports.audit_trail import AuditTrail
from domain.ports.calendar import Calendar
from domain.ports.dispatches import Dispatches
from domain.ports.event_store import EventStore
from domain.ports.health import Health
from domain.ports.hints import Hints
from domain.ports.job_queue import JobQueue
from domain.ports.job_statistics import JobStatistics
from domain.ports.job_views import JobViews
from domain.ports.ledger_reading import LedgerReading
from domain.ports.ledger_sealing import LedgerSealing
from domain.ports.limits import Limits
from domain.ports.outbox import Outbox
from domain.ports.parameters import ParameterParser
from domain.ports.read_model import ReadModel
from domain.ports.recovery import Recovery
from domain.ports.schedules import Schedules
from domain.ports.standings import Standings
from domain.ports.system import Clock, Ids, Randomness, Secrets
from domain.ports.tracing import Tracing
from domain.ports.vitals import VitalSigns
from domain.ports.webhooks import WebhookEndpoints
from domain.ports.workers import Workers
from entrypoints.metrics.tallies import Tallies


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    store: EventStore
    views: JobViews
    outbox: Outbox
    queue: JobQueue
    dispatches: Dispatches
    hints: Hints
    health: Health
    recovery: Recovery
    read_model: ReadModel
    audit: AuditTrail
    archived_months: ArchivedMonths
    statistics: JobStatistics
    sealing: LedgerSealing
    ledger: LedgerReading
    workers: Workers
    standings: Standings
    endpoints: WebhookEndpoints
    schedules: Schedules
    limits: Limits
    calendar: Calendar
    vitals: VitalSigns
    types: JobTypes
    parser: ParameterParser
    clock: Clock
    ids: Ids
    randomness: Randomness
    secrets: Secrets
    tracing: Tracing
    tallies: Tallies = field(default_factory=Tallies)


@dataclass(frozen=True, slots=True, kw_only=True)
class Archiving:
    """What archiving works with, as the owner of the tables."""

    archive: Archive
    months: ArchivedMonths
    files: ArchiveFiles
    clock: Clock
    ids: Ids
