"""What is recorded beside the jobs' own streams: each is a stream of one event, sealed but not projected.

On a job's stream these would move its version, and break what clients and workers expect of it.
"""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import ClassVar

from domain.events import personal
from domain.identifiers import JobId, UserId
from domain.limits import LimitRemoved, LimitSet, QueuePaused, QueueResumed
from domain.schedules import (
    OccurrencesSkipped,
    ScheduleDefined,
    SchedulePaused,
    ScheduleRemoved,
    ScheduleResumed,
    ScheduleTriggered,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoverySwept:
    """One recovery sweep: how much it looked at, what it did, and what it left alone and why.

    `acted` and `skipped` hold `{job_id, suspicion, event | reason}` for the first thousand of each; the
    counts are of all.
    """

    SCHEMA_VERSION: ClassVar[int] = 1
    scanned: int
    silent_for_seconds: int
    acted_count: int
    skipped_count: int
    months_made: int
    acted: tuple[dict[str, str], ...] = ()
    skipped: tuple[dict[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRefused:
    """Somebody asked for what they may not do, or what cannot be done; `problem` is the answer's kind.

    `unrecorded` are the refusals before this one that were not recorded, because there were too many.
    """

    SCHEMA_VERSION: ClassVar[int] = 1
    method: str
    route: str
    status: int
    problem: str
    unrecorded: int
    job_id: str | None
    detail: str | None = personal()


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRead:
    """An auditor began to read what is not their own: one a session; `route` is what was read first."""

    SCHEMA_VERSION: ClassVar[int] = 1
    route: str
    query: str | None = personal()


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryExported:
    """An auditor was given an export: which positions of which tree, filtered by what, in which form."""

    SCHEMA_VERSION: ClassVar[int] = 1
    origin: str
    size: int
    first_position: int
    last_position: int
    form: str
    filter: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerStarted:
    """A sealer began to seal and sign; `origin` is the tree's. Two starts without a stop tell of a crash."""

    SCHEMA_VERSION: ClassVar[int] = 1
    origin: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerStopped:
    """The sealer was told to leave, and did."""

    SCHEMA_VERSION: ClassVar[int] = 1
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerKeysChanged:
    """Public keys, as auditors are given them, that sign checkpoints from now on, or no longer do."""

    SCHEMA_VERSION: ClassVar[int] = 1
    added: tuple[str, ...] = ()
    retired: tuple[str, ...] = ()
    reason: str | None = personal()


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRestored:
    """The database is not the one that `checkpoint` was signed over: it was taken back, or changed.

    The first leaf of a new tree, which so commits to what was signed last (`checkpoint`, the body of a signed
    note) and to what there is: the tree `kept_origin` has `kept_size` events here, with the Merkle root
    `kept_root` (base64). It is None where the database has no tree.
    """

    SCHEMA_VERSION: ClassVar[int] = 1
    checkpoint: str
    kept_origin: str | None
    kept_size: int
    kept_root: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerMoved:
    """The database came to another server as a logical dump, and the ledger goes on there.

    That server's transactions were counted on from one number to another, past those of the server before.
    """

    SCHEMA_VERSION: ClassVar[int] = 1
    from_transaction: int
    to_transaction: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaMigrated:
    """The database's schema went from one revision to another."""

    SCHEMA_VERSION: ClassVar[int] = 1
    from_revision: str
    to_revision: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthArchived:
    """The jobs submitted in a month, and their history, moved to a file; `sha256` is that of its bytes."""

    SCHEMA_VERSION: ClassVar[int] = 1
    month: str
    file: str
    sha256: str
    jobs: int
    events: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedMonthDropped:
    """The detached table of an archived month was dropped; its file was there and was the recorded one."""

    SCHEMA_VERSION: ClassVar[int] = 1
    month: str
    file: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEndpointChanged:
    """A webhook endpoint was created, changed, rotated, enabled, disabled or removed (`change`)."""

    SCHEMA_VERSION: ClassVar[int] = 1
    endpoint_id: str
    change: str
    reason: str | None = personal()


AuditEvent = (
    RecoverySwept
    | CommandRefused
    | HistoryRead
    | HistoryExported
    | LedgerStarted
    | LedgerStopped
    | LedgerKeysChanged
    | LedgerRestored
    | LedgerMoved
    | SchemaMigrated
    | MonthArchived
    | ArchivedMonthDropped
    | WebhookEndpointChanged
    | ScheduleDefined
    | SchedulePaused
    | ScheduleResumed
    | ScheduleTriggered
    | OccurrencesSkipped
    | ScheduleRemoved
    | QueuePaused
    | QueueResumed
    | LimitSet
    | LimitRemoved
)

AUDIT_TYPES: dict[str, type[AuditEvent]] = {kind.__name__: kind for kind in AuditEvent.__args__}

ACCESS_TYPES = frozenset({HistoryRead.__name__, HistoryExported.__name__})
"""They wake nobody who waits for events: a reader would wake themselves by reading."""


def session_stream(user_id: UserId, session: str, at: datetime) -> JobId:
    """The stream of what is recorded once a session and hour, the same whoever asks: a UUIDv7 of the hour."""
    hour = at.replace(minute=0, second=0, microsecond=0)
    digest = int.from_bytes(sha256(f"{user_id}\n{session}\n{hour.isoformat()}".encode()).digest())
    upper = int(hour.timestamp() * 1000) << 16 | 0x7000 | digest >> 244
    text = f"{upper << 64 | 0b10 << 62 | digest & (1 << 62) - 1:032x}"
    return JobId("-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:])))
