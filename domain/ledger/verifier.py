"""Checks an export without database, service or trust in who made it: only a public key is taken on trust.

An export is lines of JSON that together cover every position of its checkpoint's tree, which begins at the
position `first` (1, unless a restored database began a new tree):

    {"jobledger_export": 1, "checkpoint": <signed note>, "first": 1, "filter": {...}, ...}     once, first
    {"position": 7, "leaf_hash": <base64>, "job_id": ..., ...}                     an event (see `EventLine`)
    {"skipped": [8, 40], "hashes": [<base64>, ...]}                                positions that are left out
    {"checkpoint": <signed note>}                                                  an earlier one, on the way
    {"count": 1, "positions": 40}                                                  once, last

or the same as CloudEvents or CSV (`forms.py`).

Checked are: the signatures; that each event hashes to its leaf hash and each payload to its commitment; that
leaf hashes and the hashes of what was skipped fold, in order and without gaps, to the signed root, and on the
way to the root of the auditor's last checkpoint; that every job's events, folded again, are a history which
the lifecycle allows (`refold.py`); and that nothing was kept back (`completeness.py`). Because the root
proves the leaf hashes, an event that does not match its own is named exactly.
"""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from domain.audit import LedgerRestored
from domain.ledger.completeness import Completeness
from domain.ledger.forms import read
from domain.ledger.leaves import STANDARD_JSON, JsonText, commitment_of, hash_envelope
from domain.ledger.lines import FORMAT, envelope_of
from domain.ledger.notes import Checkpoint, LogKey, MalformedNote, trusted_checkpoint
from domain.ledger.proofs import Folding, Span, cover
from domain.ledger.refold import Refolding
from domain.ports.signatures import SignatureCheck


class Finding(NamedTuple):
    """One thing that is wrong; `line` counts from 1, `position` is None where it is not about one event."""

    line: int
    position: int | None
    what: str


@dataclass(slots=True)
class Verdict:
    """What was checked and what is wrong. `erased` counts payloads that are gone, as erasure leaves them.

    `first` is the position of the tree's first leaf; those below are in an earlier tree's export.
    `filter` is what the export says it was filtered by: only who asked for it can tell whether that is so.
    """

    findings: list[Finding] = field(default_factory=list)
    checkpoint: Checkpoint | None = None
    compared_with: Checkpoint | None = None
    events: int = 0
    skipped: int = 0
    jobs: int = 0
    erased: int = 0
    first: int = 1
    filter: dict[str, Any] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        return not self.findings


def verify(
    lines: Iterable[bytes], keys: Sequence[LogKey], check: SignatureCheck, last: Checkpoint | None = None
) -> Verdict:
    """Check a whole export; `last` is the checkpoint that the auditor kept from last time."""
    return Verifier(keys, check, last).run(lines)


class Verifier:
    """One pass over one export; `note` is then its checkpoint as signed.

    Half of the time goes into reading and writing JSON: `text` may be a faster way to.
    """

    def __init__(
        self,
        keys: Sequence[LogKey],
        check: SignatureCheck,
        last: Checkpoint | None = None,
        text: JsonText = STANDARD_JSON,
    ) -> None:
        self.verdict = Verdict()
        self.line = 0
        self.note = ""
        self._keys = keys
        self._check = check
        self._text = text
        self._last = last
        self._folding = Folding()
        self._jobs = Refolding()
        self._before = 0
        self._good_until = 0
        self._bad_from = 0
        self._footer: dict[str, Any] | None = None
        self._completeness = Completeness({}, (0, 0))

    def run(self, lines: Iterable[bytes]) -> Verdict:
        has_begun = False
        loads = self._text.loads
        for self.line, record in read(lines, loads):
            if isinstance(record, str):
                self._find(record)
            elif not has_begun:
                has_begun = True
                if not self._begin(record):
                    return self.verdict
            elif self._footer is not None:
                self._find("stands after the export's last line")
            elif "position" in record:
                self._event(record)
            elif "skipped" in record:
                self._skip(record)
            elif "checkpoint" in record:
                self._checkpoint_on_the_way(record)
            elif "count" in record:
                self._footer = record
            else:
                self._find("is of no kind that an export has")
        self._end()
        return self.verdict

    def _begin(self, header: dict[str, Any]) -> bool:
        if header.get("jobledger_export") != FORMAT:
            self._find(f"does not begin an export of format {FORMAT}")
            return False
        first = header.get("first", 1)
        self._before = first - 1 if type(first) is int and first > 0 else 0
        self.verdict.first = self._before + 1
        # Jobs of a database that was restored began in an earlier tree.
        self._jobs.skip(self._before)
        checkpoint = self._trusted(header.get("checkpoint"))
        self.verdict.checkpoint = checkpoint
        tree = (self._named(1), self._named(checkpoint.size)) if checkpoint else (0, 0)
        self._completeness = Completeness(header, tree)
        self.verdict.filter = self._completeness.filter
        self.note = str(header.get("checkpoint"))
        if checkpoint and self._last:
            self._compare_with_last(checkpoint, self._last)
        return True

    def _compare_with_last(self, checkpoint: Checkpoint, last: Checkpoint) -> None:
        if last.origin != checkpoint.origin:
            self._find(f"is of the ledger {checkpoint.origin}, your checkpoint of {last.origin}")
        elif last.size > checkpoint.size:
            gone = f"positions {self._named(checkpoint.size + 1)} to {self._named(last.size)} are gone"
            self._find(f"the ledger was rolled back: {gone} since your checkpoint")
        else:
            self._compare_here()

    def _event(self, record: dict[str, Any]) -> None:
        position = record["position"]
        try:
            self._expect(position)
            claimed = _hash(record["leaf_hash"])
            computed = hash_envelope(envelope_of(record, self._text.canonical))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            self._find(f"is no complete event: {error!r}", position)
            return
        if computed != claimed:
            self._find(f"{_name(record)} is not the event that was sealed here", position)
        self._payload(record, position)
        if self._folding.size == 0 < self._before and record["type"] != LedgerRestored.__name__:
            self._find("begins a tree after another, and is not the event that tells of a restore", position)
        self._fold(claimed)
        self.verdict.events += 1
        try:
            self._completeness.add(record)
            for wrong in self._jobs.add(record):
                self._find(wrong, position)
        except (KeyError, TypeError, AttributeError) as error:
            self._find(f"{_name(record)} has facts of no sense: {error}", position)

    def _payload(self, record: dict[str, Any], position: int) -> None:
        commitment, payload = record["commitment"], record.get("payload")
        if payload is None:
            self.verdict.erased += commitment is not None
            return
        try:
            computed = commitment_of(bytes.fromhex(record["salt"]), self._text.canonical(payload)).hex()
        except (KeyError, TypeError, ValueError):
            self._find(f"{_name(record)} has a payload without a usable salt", position)
            return
        if computed != commitment:
            self._find(f"the payload of {_name(record)} is not the one that was committed to", position)

    def _skip(self, record: dict[str, Any]) -> None:
        try:
            first, last = record["skipped"]
            self._expect(first)
            nodes = cover(Span(first - 1 - self._before, last - self._before))
            for node, text in zip(nodes, record["hashes"], strict=True):
                self._fold(_hash(text), node.level)
        except (KeyError, TypeError, ValueError) as error:
            self._find(f"leaves positions out without the hashes that stand for them: {error}")
            return
        self.verdict.skipped += last - first + 1
        self._completeness.skip(self.line, first, last)
        if not self._completeness.is_of_whole_jobs:
            self._jobs.skip(last - first + 1)

    def _expect(self, position: int) -> None:
        due = self._before + self._folding.size + 1
        if position == due:
            return
        if position > due:
            self._find(f"positions {due} to {position - 1} are missing", position)
        else:
            self._find(
                f"position {position} stands where {due} is due: repeated, inserted or moved", position
            )

    def _fold(self, leaf_or_node: bytes, level: int = 0) -> None:
        self._folding.add(leaf_or_node, level)
        self._compare_here()

    def _compare_here(self) -> None:
        """With the auditor's last checkpoint, exactly where it ends."""
        last = self._last
        if last is None or self._folding.size != last.size or self.verdict.compared_with:
            return
        self.verdict.compared_with = last
        if last.size and self._folding.root() != last.root:
            end = self._named(last.size)
            self._find(f"history was rewritten at or before position {end}, where your checkpoint ends")

    def _checkpoint_on_the_way(self, record: dict[str, Any]) -> None:
        checkpoint = self._trusted(record["checkpoint"])
        if checkpoint is None or checkpoint.size != self._folding.size:
            return
        if self._folding.root() == checkpoint.root:
            self._good_until = checkpoint.size
        else:
            self._bad_from = self._bad_from or checkpoint.size

    def _end(self) -> None:
        verdict, size, footer = self.verdict, self._folding.size, self._footer
        verdict.jobs = self._jobs.count
        if footer is None:
            self._find("the file is cut off: its last line is missing")
        elif (footer.get("count"), footer.get("positions")) != (verdict.events, size):
            said = f"{footer.get('count')} events and {footer.get('positions')} positions"
            self._find(f"says {said}, but {verdict.events} and {size} are there")
        for position, wrong in self._jobs.end():
            self._find(wrong, position)
        for part, what in self._completeness.end():
            verdict.findings.append(Finding(part.line, part.first, what))
        if checkpoint := verdict.checkpoint:
            self._compare_with_root(checkpoint, size)
        if self._last and checkpoint and not verdict.compared_with and self._last.size <= checkpoint.size:
            self._find(
                f"cannot be compared with your checkpoint of size {self._last.size}, which ends among "
                f"positions that were skipped: export again with known_size={self._last.size}"
            )

    def _compare_with_root(self, checkpoint: Checkpoint, size: int) -> None:
        if size < checkpoint.size:
            lacking = f"positions {self._named(size + 1)} to {self._named(checkpoint.size)}"
            self._find(f"{lacking} of its checkpoint are missing")
        elif size > checkpoint.size:
            surplus = f"positions {self._named(checkpoint.size + 1)} to {self._named(size)}"
            self._find(f"{surplus} were never signed")
        elif size and self._folding.root() != checkpoint.root:
            low, high = self._named(self._good_until + 1), self._named(self._bad_from or size)
            where = f"within positions {low} to {high}"
            self._find(f"the leaf hashes do not lead to the signed root: changed, moved or swapped {where}")
        elif self._bad_from:
            self._find(f"the checkpoint of size {self._bad_from} is signed too, but is of another history")

    def _named(self, size: int) -> int:
        """The position that a leaf goes by."""
        return self._before + size

    def _trusted(self, text: Any) -> Checkpoint | None:
        try:
            return trusted_checkpoint(str(text), self._keys, self._check)
        except MalformedNote as error:
            self._find(str(error))
            return None

    def _find(self, what: str, position: int | None = None) -> None:
        self.verdict.findings.append(Finding(self.line, position, what))


def _hash(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _name(record: dict[str, Any]) -> str:
    return f"{record.get('type')}, version {record.get('version')} of {record.get('job_id')},"
