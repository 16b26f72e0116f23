"""The in-memory ports, and what every suite over ports needs of a world."""

from dataclasses import dataclass
from typing import Protocol

from adapters.in_memory.audit_trail import InMemoryAuditTrail
from adapters.in_memory.dispatches import InMemoryDispatches
from adapters.in_memory.event_store import InMemoryEventStore
from adapters.in_memory.hints import InMemoryHints
from adapters.in_memory.job_queue import InMemoryJobQueue
from adapters.in_memory.job_statistics import InMemoryJobStatistics
from adapters.in_memory.job_views import InMemoryJobViews
from adapters.in_memory.ledger import InMemoryLedger
from adapters.in_memory.limits import InMemoryLimits
from adapters.in_memory.outbox import InMemoryOutbox
from adapters.in_memory.read_model import InMemoryReadModel, InMemoryRebuilding
from adapters.in_memory.recovery import InMemoryRecovery
from adapters.in_memory.schedules import InMemorySchedules
from adapters.in_memory.standings import InMemoryStandings
from adapters.in_memory.state import InMemoryState
from adapters.in_memory.vitals import InMemoryVitalSigns
from adapters.in_memory.webhooks import InMemoryWebhookEndpoints
from adapters.in_memory.workers import InMemoryWorkers
from domain.ports.audit_trail import AuditTrail
from domain.ports.dispatches import Dispatches
from domain.ports.event_store import EventStore
from domain.ports.job_queue import JobQueue
from domain.ports.job_statistics import JobStatistics
from domain.ports.job_views import JobViews
from domain.ports.ledger_reading import LedgerReading
from domain.ports.ledger_sealing import LedgerSealing
from domain.ports.limits import Limits
from domain.ports.outbox import Outbox
from domain.ports.read_model import ReadModel, Rebuilding
from domain.ports.recovery import Recovery
from domain.ports.schedules import Schedules
from domain.ports.standings import Standings
from domain.ports.vitals import VitalSigns
from domain.ports.webhooks import WebhookEndpoints
from domain.ports.workers import Workers
from domain.routes import MODAL, Routes
from tests.fakes.system import FakeClock

REMOTE_TASKS = Routes(by_type={"remote_task": MODAL})


class Ports(Protocol):
    """Whatever the adapters are, and a way to let time pass for them."""

    @property
    def store(self) -> EventStore: ...
    @property
    def views(self) -> JobViews: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def queue(self) -> JobQueue: ...
    @property
    def dispatches(self) -> Dispatches: ...
    @property
    def recovery(self) -> Recovery: ...
    @property
    def read_model(self) -> ReadModel: ...
    @property
    def rebuilding(self) -> Rebuilding: ...
    @property
    def audit(self) -> AuditTrail: ...
    @property
    def statistics(self) -> JobStatistics: ...
    @property
    def workers(self) -> Workers: ...
    @property
    def standings(self) -> Standings: ...
    @property
    def vitals(self) -> VitalSigns: ...
    @property
    def endpoints(self) -> WebhookEndpoints: ...
    @property
    def schedules(self) -> Schedules: ...
    @property
    def limits(self) -> Limits: ...
    @property
    def sealing(self) -> LedgerSealing: ...
    @property
    def ledger(self) -> LedgerReading: ...

    async def advance(self, seconds: float) -> None: ...

    async def put_message(self, body: str) -> None:
        """Put any JSON into the queue, as a stranger might."""


@dataclass(frozen=True)
class InMemoryPorts:
    clock: FakeClock
    state: InMemoryState
    store: InMemoryEventStore
    views: InMemoryJobViews
    outbox: InMemoryOutbox
    queue: InMemoryJobQueue
    dispatches: InMemoryDispatches
    recovery: InMemoryRecovery
    read_model: InMemoryReadModel
    rebuilding: InMemoryRebuilding
    audit: InMemoryAuditTrail
    statistics: InMemoryJobStatistics
    workers: InMemoryWorkers
    standings: InMemoryStandings
    endpoints: InMemoryWebhookEndpoints
    schedules: InMemorySchedules
    limits: InMemoryLimits
    vitals: InMemoryVitalSigns
    hints: InMemoryHints
    ledger: InMemoryLedger

    @property
    def sealing(self) -> InMemoryLedger:
        return self.ledger

    async def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)

    async def put_message(self, body: str) -> None:
        self.state.put_message(body)


def in_memory_ports() -> InMemoryPorts:
    clock = FakeClock()
    state = InMemoryState(clock, routes=REMOTE_TASKS)
    audit = InMemoryAuditTrail(state)
    statistics = InMemoryJobStatistics(state, audit)
    return InMemoryPorts(
        clock,
        state,
        InMemoryEventStore(state),
        InMemoryJobViews(state),
        InMemoryOutbox(state),
        InMemoryJobQueue(state),
        InMemoryDispatches(state),
        InMemoryRecovery(state),
        InMemoryReadModel(state),
        InMemoryRebuilding(state),
        audit,
        statistics,
        InMemoryWorkers(state),
        InMemoryStandings(state),
        InMemoryWebhookEndpoints(state),
        InMemorySchedules(state, audit),
        InMemoryLimits(state, audit),
        InMemoryVitalSigns(state, statistics),
        InMemoryHints(),
        InMemoryLedger(state, audit),
    )
