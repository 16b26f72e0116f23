"""What is recorded beside the jobs' own streams: each is a stream of one event, sealed but not projected.

On a job's stream these would move its version, and break what clients and workers expect of it.
"""

from dataclasses import dataclass
from typing import ClassVar


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


AuditEvent = RecoverySwept

AUDIT_TYPES: dict[str, type[AuditEvent]] = {kind.__name__: kind for kind in (RecoverySwept,)}
