"""Every port over one database, built together."""

from typing import NamedTuple, Self

from adapters.postgres.archived_months import PostgresArchivedMonths
from adapters.postgres.audit_trail import PostgresAuditTrail
from adapters.postgres.dispatches import PgmqDispatches
from adapters.postgres.event_store import PostgresEventStore
from adapters.postgres.job_queue import PgmqJobQueue
from adapters.postgres.job_statistics import PostgresJobStatistics
from adapters.postgres.job_views import PostgresJobViews
from adapters.postgres.ledger_reading import PostgresLedgerReading
from adapters.postgres.ledger_sealing import PostgresLedgerSealing
from adapters.postgres.limits import PostgresLimits
from adapters.postgres.outbox import PostgresOutbox
from adapters.postgres.pool import Database, PostgresHealth
from adapters.postgres.read_model import PostgresReadModel
from adapters.postgres.recovery import PostgresRecovery
from adapters.postgres.schedules import PostgresSchedules
from adapters.postgres.standings import PostgresStandings
from adapters.postgres.vitals import PostgresVitalSigns
from adapters.postgres.webhooks import PostgresWebhookEndpoints
from adapters.postgres.workers import PostgresWorkers
from domain.ports.system import Ids
from domain.routes import Routes


class PostgresPorts(NamedTuple):
    """`transactions` are the connections that handlers hold, apart from those of the service's own work."""

    store: PostgresEventStore
    views: PostgresJobViews
    outbox: PostgresOutbox
    queue: PgmqJobQueue
    dispatches: PgmqDispatches
    health: PostgresHealth
    recovery: PostgresRecovery
    read_model: PostgresReadModel
    audit: PostgresAuditTrail
    archived_months: PostgresArchivedMonths
    statistics: PostgresJobStatistics
    sealing: PostgresLedgerSealing
    ledger: PostgresLedgerReading
    workers: PostgresWorkers
    standings: PostgresStandings
    endpoints: PostgresWebhookEndpoints
    schedules: PostgresSchedules
    limits: PostgresLimits
    vitals: PostgresVitalSigns

    @classmethod
    def over(
        cls, database: Database, transactions: Database, ids: Ids, *, code_version: str, routes: Routes
    ) -> Self:
        audit = PostgresAuditTrail(database, ids, code_version=code_version)
        return cls(
            store=PostgresEventStore(database, transactions, code_version=code_version, routes=routes),
            views=PostgresJobViews(database),
            outbox=PostgresOutbox(database),
            queue=PgmqJobQueue(database, code_version=code_version),
            dispatches=PgmqDispatches(database),
            health=PostgresHealth(database, transactions),
            recovery=PostgresRecovery(database),
            read_model=PostgresReadModel(database),
            audit=audit,
            archived_months=PostgresArchivedMonths(database),
            statistics=PostgresJobStatistics(database),
            sealing=PostgresLedgerSealing(database, ids, code_version=code_version),
            ledger=PostgresLedgerReading(database),
            workers=PostgresWorkers(database),
            standings=PostgresStandings(database),
            endpoints=PostgresWebhookEndpoints(database),
            schedules=PostgresSchedules(database, audit),
            limits=PostgresLimits(database, audit),
            vitals=PostgresVitalSigns(database),
        )
