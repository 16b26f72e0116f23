"""Every metric that there is. docs/metrics.md is made from this; dashboards and alerts name nothing else."""

from dataclasses import dataclass
from enum import StrEnum

REQUEST_BOUNDS = tuple(2**k / 1000 for k in range(15))
JOB_BOUNDS = tuple(2**k / 1000 for k in range(23))
"""From a millisecond to more than an hour, in doublings."""


class Kind(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """`bounds` are those of a histogram, in seconds."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()


def _counter(name: str, told: str, *labels: str) -> Metric:
    return Metric(f"jobledger_{name}_total", Kind.COUNTER, told, labels)


def _gauge(name: str, told: str, *labels: str) -> Metric:
    return Metric(f"jobledger_{name}", Kind.GAUGE, told, labels)


def _histogram(name: str, told: str, bounds: tuple[float, ...], *labels: str) -> Metric:
    return Metric(f"jobledger_{name}_seconds", Kind.HISTOGRAM, told, labels, bounds)


BUILD = _gauge("build_info", "1; the label says which version runs.", "version")
LOOP_FAILURES = _counter("loop_failures", "Steps of a loop that failed and are tried again.", "loop")
POOL_CONNECTIONS = _gauge("pool_connections", "Database connections of this process.", "pool")
POOL_IDLE = _gauge("pool_idle_connections", "Those that nobody uses now.", "pool")
POOL_WAITING = _gauge("pool_waiting", "Who waits for a connection now.", "pool")
POOL_WAITS = _counter("pool_waits", "How often somebody had to wait for a connection.", "pool")
POOL_WAITED = _counter("pool_wait_seconds", "How long they waited, all together.", "pool")
POOL_FAILURES = _counter("pool_failures", "Who waited for a connection in vain.", "pool")

REQUESTS = _counter("http_requests", "Requests answered.", "method", "route", "status")
REQUEST_SECONDS = _histogram(
    "http_request_duration", "How long requests took, waiting ones too.", REQUEST_BOUNDS, "method", "route"
)
REQUESTS_OPEN = _gauge("http_requests_in_progress", "Requests under way, streams too.")

ATTEMPTS_STARTED = _counter("attempts_started", "Attempts that this worker started.")
ATTEMPTS_SETTLED = _counter("attempts_settled", "Attempts whose outcome it wrote.", "outcome")
ATTEMPTS_RUNNING = _gauge("attempts_running", "Attempts that it runs now.")
ATTEMPTS_UNSETTLED = _gauge("attempts_unsettled", "Attempts that ended and are not written yet.")
ATTEMPTS_LIMIT = _gauge("attempts_limit", "How many it may run at once.")
LEASES_LOST = _counter("leases_lost", "Attempts given up because the lease passed to somebody else.")
ABANDONED = _counter("attempts_abandoned", "Functions that did not stop when they were asked to.")

RELAYED = _counter("relayed", "Outbox entries that this relay moved into the queue.")
HELD_BACK = _counter(
    "relay_held_back", "Steps in which it moved less than was due, because the queue was full."
)
SWEEPS = _counter("recovery_sweeps", "Recovery sweeps that this relay made.")
RECOVERED = _counter("recovered_jobs", "Jobs that they took up.", "suspicion")

SEALED = _counter("events_sealed", "Events that this sealer gave their positions.")
CHECKPOINTS = _counter("checkpoints", "Steps in which it had something to sign or to publish.", "outcome")

DATABASE_UP = _gauge("database_up", "1 when the last reading of the service succeeded, else 0.")
READ_AT = _gauge("read_timestamp_seconds", "When the service was last read, by the database's clock.")
JOBS = _gauge("jobs", "Jobs, by where they are.", "job_type", "status")
EVENTS = _counter("events", "Events that changed a job's status.", "job_type", "event_type")
WAIT_SECONDS = _histogram(
    "job_wait", "How long jobs waited for an attempt since due.", JOB_BOUNDS, "job_type"
)
ATTEMPT_SECONDS = _histogram(
    "attempt_duration", "How long attempts took, whatever came of them.", JOB_BOUNDS, "job_type"
)
OLDEST_DUE = _gauge(
    "oldest_due_seconds",
    "For how long the due job that waits longest, and that nothing holds, has been due; 0: none waits.",
)
RELAY_LAG = _gauge(
    "relay_lag_seconds", "For how long the oldest due entry that nothing holds has been waiting for a relay."
)
PAUSED_QUEUES = _gauge("paused_queues", "Queues that are paused.")
HELD_JOBS = _gauge(
    "held_jobs",
    "Due jobs that limits or pauses hold, counted up to 1,000 for each queue, user, group and priority.",
)
OLDEST_HELD = _gauge(
    "oldest_held_seconds", "For how long the job that is held longest has been due; 0: none is."
)
DUE = _gauge("outbox_due", "Due outbox entries, counted up to 10,000 a priority.", "compute")
MESSAGES = _gauge("queue_messages", "Messages in the queue: visible to workers, or leased.", "state")
STATISTICS_LAG = _gauge("statistics_lag_seconds", "How far the counts are behind the events.")
SEAL_LAG = _gauge("seal_lag_seconds", "How far the ledger is behind the events.")
LEDGER_SIZE = _gauge("ledger_size", "Events that the ledger holds.")
SIGNED_SIZE = _gauge("ledger_signed_size", "Events that its last checkpoint covers.")
MONTHS_AHEAD = _gauge("partitions_ahead", "Months after this one that have a partition.")
LAST_SWEEP = _gauge("last_sweep_timestamp_seconds", "When the last recovery sweep was made; 0: never.")
PARKED = _gauge("parked", "Messages and entries that can never be worked, counted up to 10,000.")
WORKERS = _gauge("workers", "Living workers.")
CAPACITY = _gauge("workers_capacity", "Attempts that they may run at once, all together.")
DEAD_ROWS = _gauge("dead_rows", "Row versions that wait for vacuum.", "table")
OLDEST_TRANSACTION = _gauge(
    "oldest_transaction_seconds",
    "Age of the oldest open transaction that we may see; it slows the queue down.",
)

METRICS: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
