"""Every job's events folded again through the lifecycle: what no sound history can contain.

Where positions were left out, a job's status may be unknown for a while; what follows is then judged from
the next event that says where it leads.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.audit import AUDIT_TYPES
from domain.events import EVENT_TYPES, AttemptStarted, JobSubmitted, PersonalDataErased
from domain.lifecycle import ENDED, LEADS_TO, Status, may_follow
from domain.upcasting import upcast


@dataclass(slots=True)
class _Stream:
    version: int = 0
    status: Status | None = None
    is_known: bool = True
    attempt: int = 0
    recorded_at: str = ""
    skipped_before: int = 0
    without_payload: list[tuple[int, int]] = field(default_factory=list)


class Refolding:
    """The state of every stream seen so far."""

    def __init__(self) -> None:
        self._streams: dict[str, _Stream] = {}
        self._skipped = 0

    @property
    def count(self) -> int:
        return len(self._streams)

    def skip(self, positions: int) -> None:
        """So many positions were left out here; any of them may belong to any job."""
        self._skipped += positions

    def add(self, event: Mapping[str, Any]) -> Iterator[str]:
        """What the event has wrong, given those before it."""
        stream = self._streams.get(event["job_id"])
        if stream is None:
            stream = self._streams[event["job_id"]] = _Stream()
        name, version = event["type"], event["version"]
        yield from self._version(stream, event)
        if event["recorded_at"] < stream.recorded_at:
            yield f"{name} of {event['job_id']} was recorded before its predecessor"
        if name in EVENT_TYPES:
            yield from _status(stream, event)
        elif name not in AUDIT_TYPES:
            yield f"{name} is no event type that this verifier knows"
        elif version != 1:
            yield f"{name} stands in a stream of its own, and cannot have version {version}"
        stream.version = version
        stream.recorded_at = event["recorded_at"]
        stream.skipped_before = self._skipped
        if event["commitment"] is not None and event.get("payload") is None:
            stream.without_payload.append((version, event["position"]))

    def end(self) -> Iterator[tuple[int, str]]:
        """Payloads that no erasure took though they are gone; not known before positions left out."""
        for job_id, stream in self._streams.items():
            if stream.skipped_before == self._skipped:
                for version, position in stream.without_payload:
                    yield (
                        position,
                        f"the payload of version {version} of {job_id} is gone, but was never erased",
                    )

    def have_ended(self) -> bool:
        """Whether every job seen has ended, as far as it is known."""
        return all(stream.status is None or stream.status in ENDED for stream in self._streams.values())

    def _version(self, stream: _Stream, event: Mapping[str, Any]) -> Iterator[str]:
        due, version = stream.version + 1, event["version"]
        if version == due:
            return
        missing = version - due
        if 0 < missing <= self._skipped - stream.skipped_before:
            stream.is_known = False
            stream.without_payload = []  # what was left out may have been their erasure
        else:
            yield f"version {version} of {event['job_id']} stands where {due} is due"


def _status(stream: _Stream, event: Mapping[str, Any]) -> Iterator[str]:
    kind = EVENT_TYPES[event["type"]]
    facts = upcast(event["type"], event["schema_version"], event["facts"])
    if stream.is_known and not may_follow(stream.status, kind):
        was = stream.status.value if stream.status else "new"
        yield f"{event['type']} cannot happen to job {event['job_id']}, which is {was}"
    if stream.is_known and kind is AttemptStarted and facts.get("attempt") != stream.attempt + 1:
        yield f"attempt {facts.get('attempt')} of {event['job_id']} started, but {stream.attempt + 1} is due"
    elif stream.is_known and kind is not AttemptStarted and facts.get("attempt", 0) > stream.attempt:
        yield f"{event['type']} is about attempt {facts['attempt']} of {event['job_id']}, which never started"
    stream.attempt = max(stream.attempt, facts.get("attempt", 0))
    if kind is PersonalDataErased:
        through = facts.get("through_version", 0)
        stream.without_payload = [gone for gone in stream.without_payload if gone[0] > through]
    if kind is JobSubmitted:
        stream.status = Status.SCHEDULED if facts.get("run_at") else Status.PENDING
    elif leads_to := LEADS_TO[kind]:
        stream.status, stream.is_known = leads_to, True
