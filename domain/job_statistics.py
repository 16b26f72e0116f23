"""How many jobs are where, how much happens and how long it takes: counted from events, never from jobs."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from math import ceil, log2
from typing import NamedTuple

from domain.events import (
    AttemptFailed,
    AttemptLost,
    AttemptStarted,
    JobSubmitted,
    RecordedEvent,
)
from domain.identifiers import UserId
from domain.lifecycle import LEADS_TO, Status

EVERYBODY = UserId("")
"""Under this user stands the sum of all users; no token's `sub` is empty."""

LEADS_TO_STATUS: dict[str, Status] = {
    kind.__name__: status for kind, status in LEADS_TO.items() if status and kind is not JobSubmitted
}
"""Where each event leads that changes a status; a submission leads by its `run_at`."""

MINUTE = timedelta(minutes=1)

BUCKETS_PER_DOUBLING = 4
LAST_BUCKET = 127
UNMEASURED = -1


def bucket_of(duration: timedelta) -> int:
    """The bucket of a histogram whose bounds grow by a fourth root of two from a millisecond on."""
    milliseconds = max(1.0, duration / timedelta(milliseconds=1))
    return min(LAST_BUCKET, ceil(BUCKETS_PER_DOUBLING * log2(milliseconds)))


def upper_bound(bucket: int) -> timedelta:
    """The longest duration that a bucket holds, at most 19% more than the shortest."""
    return timedelta(milliseconds=2 ** (bucket / BUCKETS_PER_DOUBLING))


def percentile(histogram: dict[int, int], share: float) -> timedelta | None:
    """The bound of the bucket in which `share` of all measured durations is reached; None without any."""
    measured = {bucket: count for bucket, count in histogram.items() if bucket != UNMEASURED}
    left = share * sum(measured.values())
    for bucket in sorted(measured):
        left -= measured[bucket]
        if left <= 0:
            return upper_bound(bucket)
    return None


def step_of(at: datetime, step: timedelta) -> datetime:
    """When the step began that `at` is in; steps are counted from 1970 on, in UTC."""
    seconds = int(at.timestamp())
    return datetime.fromtimestamp(seconds - seconds % int(step.total_seconds()), UTC)


class Count(NamedTuple):
    """So many jobs of a type are in a status now."""

    job_type: str
    status: Status
    jobs: int


class Rate(NamedTuple):
    """So many events of a type happened to jobs of a type within the step that began at `minute`.

    `bucket` tells how long what they ended had taken: waiting, for AttemptStarted, since the job was due;
    the attempt, for the event that ended it; UNMEASURED for all others.
    """

    minute: datetime
    job_type: str
    event_type: str
    bucket: int
    events: int


class Step(NamedTuple):
    """One event as statistics see it; `before` is None for a submission."""

    before: Status | None
    after: Status
    minute: datetime
    event_type: str
    bucket: int


def steps(stream: Iterable[RecordedEvent]) -> list[Step]:
    """What a job's whole stream adds to the statistics, an entry for each event that leads to a status."""
    found: list[Step] = []
    last: RecordedEvent | None = None
    status: Status | None = None
    for recorded in stream:
        name = type(recorded.event).__name__
        after = _status_after(recorded)
        if after is None:
            continue
        bucket = bucket_of(recorded.recorded_at - _due_at(last)) if last and _measures(recorded, last) else -1
        minute = recorded.recorded_at.replace(second=0, microsecond=0)
        found.append(Step(status, after, minute, name, bucket))
        last, status = recorded, after
    return found


def _status_after(recorded: RecordedEvent) -> Status | None:
    if isinstance(recorded.event, JobSubmitted):
        return Status.SCHEDULED if recorded.event.run_at else Status.PENDING
    return LEADS_TO_STATUS.get(type(recorded.event).__name__)


def _measures(recorded: RecordedEvent, last: RecordedEvent) -> bool:
    return isinstance(recorded.event, AttemptStarted) != isinstance(last.event, AttemptStarted)


def _due_at(recorded: RecordedEvent) -> datetime:
    match recorded.event:
        case JobSubmitted(run_at=datetime() as run_at):
            return max(run_at, recorded.recorded_at)
        case AttemptFailed(retry_at=retry_at) | AttemptLost(retry_at=retry_at):
            return max(retry_at, recorded.recorded_at)
    return recorded.recorded_at
