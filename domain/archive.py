"""A month of history as a file: how its lines look, and the check of such a file.

A file is lines of JSON, gzipped:

    {"jobledger_archive": 1, "month": "2026-01"}                        once, first
    {"job_id": ..., "version": 1, "type": ..., "leaf_hash": ..., ...}   every event, by job and version
    {"events": 40, "jobs": 9, "sha256": <hex>}                          once, last: of all bytes before it

An event's line is that of an export (`domain/ledger/lines.py`) without a position. Its `leaf_hash` is what
the ledger holds at the event's place, so that proofs, whenever given, verify for what the file says.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, NamedTuple

from domain.ledger.leaves import canonical, commitment_of, hash_envelope
from domain.ledger.lines import SealedEvent, envelope_of, event_fields, line
from domain.ledger.refold import Refolding

FORMAT = 1
MAX_FINDINGS = 100


class ArchiveLines:
    """Makes the lines of one file, and knows how many jobs and events went by, and their digest."""

    def __init__(self, month: str) -> None:
        self._month = month
        self._digest = sha256()
        self.events = 0
        self.jobs = 0

    @property
    def digest(self) -> str:
        """Of every byte so far, in hex."""
        return self._digest.hexdigest()

    def header(self) -> bytes:
        return self._counted(line({"jobledger_archive": FORMAT, "month": self._month}))

    def event(self, event: SealedEvent) -> bytes:
        self.events += 1
        self.jobs += event.envelope.type == "JobSubmitted"
        fields = event_fields(event)
        del fields["position"]
        return self._counted(line(fields))

    def footer(self) -> bytes:
        return line({"events": self.events, "jobs": self.jobs, "sha256": self.digest})

    def _counted(self, text: bytes) -> bytes:
        self._digest.update(text)
        return text


class ArchiveFinding(NamedTuple):
    """One thing that is wrong with a file; lines count from 1."""

    line: int
    what: str


@dataclass(slots=True)
class ArchiveVerdict:
    """What a file holds and what is wrong with it, the first hundred things; `digest` is of its content."""

    month: str | None = None
    events: int = 0
    jobs: int = 0
    erased: int = 0
    digest: str | None = None
    findings: list[ArchiveFinding] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not self.findings


def check_archive(lines: Iterable[bytes]) -> ArchiveVerdict:
    """Check a file from nothing but itself.

    That nothing was cut off or changed since it was written, that every event hashes to its leaf and every
    payload to its commitment, and that every job's events are a history that the lifecycle allows and that
    has ended. Who changes a file and all its hashes is found out by the digest that the service recorded, and
    by the ledger, which holds the leaf hashes.
    """
    return _Check().run(lines)


class _Check:
    def __init__(self) -> None:
        self._verdict = ArchiveVerdict()
        self._line = 0
        self._digest = sha256()
        self._footer: Mapping[str, Any] | None = None
        self._job_id: str | None = None
        self._history = Refolding()

    def run(self, lines: Iterable[bytes]) -> ArchiveVerdict:
        for raw, record in self._records(lines):
            if self._line == 1:
                if record.get("jobledger_archive") != FORMAT:
                    self._find(f"does not begin an archive of format {FORMAT}")
                    return self._verdict
                self._verdict.month = record.get("month")
            elif self._footer is not None:
                self._find("stands after the file's last line")
            elif "job_id" not in record:
                self._footer = record
                continue
            else:
                self._event(record)
            self._digest.update(raw)
        self._end()
        return self._verdict

    def _records(self, lines: Iterable[bytes]) -> Iterator[tuple[bytes, dict[str, Any]]]:
        try:
            for raw in lines:
                self._line += 1
                record = json.loads(raw)
                if not isinstance(record, dict):
                    raise TypeError("no JSON object")  # noqa: TRY301 - said once, below
                yield raw, record
        except (ValueError, TypeError, EOFError, OSError) as error:
            self._find(f"the file is damaged or cut off here: {error}")

    def _event(self, record: dict[str, Any]) -> None:
        verdict = self._verdict
        verdict.events += 1
        try:
            self._history_of(record)
            computed = hash_envelope(envelope_of(record))
            if (
                event_fields(SealedEvent(0, computed, envelope_of(record)))["leaf_hash"]
                != record["leaf_hash"]
            ):
                self._find(f"{_name(record)} is not the event that was archived here")
            self._payload(record)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            self._find(f"is no complete event: {error!r}")

    def _history_of(self, record: dict[str, Any]) -> None:
        job_id = record["job_id"]
        if job_id != self._job_id:
            if self._job_id is not None and job_id < self._job_id:
                self._find(f"job {job_id} stands behind {self._job_id}: moved or repeated")
            self._end_of_history()
            self._job_id, self._history = job_id, Refolding()
        self._verdict.jobs += record["type"] == "JobSubmitted"
        for wrong in self._history.add({**record, "position": self._line}):
            self._find(wrong)

    def _end_of_history(self) -> None:
        for at, wrong in self._history.end():
            self._find(wrong, at)
        if not self._history.have_ended():
            self._find(f"the history of job {self._job_id} has no end")

    def _payload(self, record: dict[str, Any]) -> None:
        if record["payload"] is None:
            self._verdict.erased += record["commitment"] is not None
        elif (
            commitment_of(bytes.fromhex(record["salt"]), canonical(record["payload"])).hex()
            != record["commitment"]
        ):
            self._find(f"the payload of {_name(record)} is not the one that was committed to")

    def _end(self) -> None:
        verdict, footer = self._verdict, self._footer
        self._end_of_history()
        verdict.digest = self._digest.hexdigest()
        if footer is None:
            self._find("the file is cut off: its last line is missing")
            return
        told = (footer.get("events"), footer.get("jobs"))
        if told != (verdict.events, verdict.jobs):
            self._find(f"says {told[0]} events of {told[1]} jobs, not {verdict.events} of {verdict.jobs}")
        if footer.get("sha256") != verdict.digest:
            self._find("the digest of its lines is another: some were changed, added or taken away")

    def _find(self, what: str, at: int | None = None) -> None:
        if len(self._verdict.findings) < MAX_FINDINGS:
            self._verdict.findings.append(ArchiveFinding(at or self._line, what))


def _name(record: Mapping[str, Any]) -> str:
    return f"{record.get('type')}, version {record.get('version')} of {record.get('job_id')},"
