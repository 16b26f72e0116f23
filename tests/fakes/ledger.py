"""A sealed ledger in a list, with its own key, and the histories to put into it."""

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.ed25519 import Ed25519Signer
from domain.ledger.leaves import Envelope, canonical, commitment_of, hash_envelope
from domain.ledger.lines import SealedEvent
from domain.ledger.merkle import HASH_BYTES, Frontier, Tile
from domain.ledger.notes import Checkpoint, LogKey, sign
from domain.ports.ledger_reading import EventFilter, Head

ORIGIN = "jobledger.test/log"
START = datetime(2026, 6, 1, 12, tzinfo=UTC)
SUBMITTED = {"user_id": "user-1", "job_type": "sample_task", "priority": 5, "max_attempts": 3}
HISTORY: tuple[tuple[str, dict[str, Any], dict[str, Any] | None], ...] = (
    ("JobSubmitted", SUBMITTED | {"max_lost_attempts": 2}, {"job_parameters": {"note": "Ünïcödé"}}),
    ("AttemptStarted", {"attempt": 1, "worker_id": "w", "msg_id": 1, "read_ct": 1, "compute": "local"}, None),
    ("AttemptFailed", {"attempt": 1, "cause": "failed", "retry_at": "2026-06-01T12:00:09.000000Z"}, None),
    ("AttemptStarted", {"attempt": 2, "worker_id": "w", "msg_id": 2, "read_ct": 1, "compute": "local"}, None),
    ("JobCompleted", {"attempt": 2}, {"result": 42}),
)


def job(number: int) -> str:
    return f"019a0000-0000-7000-8000-{number:012x}"


def sealed(
    position: int, job_id: str, version: int, kind: str, facts: dict[str, Any], payload: Any = None
) -> SealedEvent:
    text = None if payload is None else canonical(payload)
    salt = None if text is None else hashlib.sha256(f"salt {position}".encode()).digest()[:16]
    envelope = Envelope(
        job_id,
        version,
        kind,
        1,
        (START + timedelta(milliseconds=position)).isoformat(timespec="microseconds")[:-6] + "Z",
        "user",
        "user-1",
        None,
        job(10_000 + position),
        None,
        "0.1.0",
        canonical(facts),
        None if text is None or salt is None else commitment_of(salt, text),
    )
    return SealedEvent(position, hash_envelope(envelope), envelope, text, salt)


def histories(jobs: int) -> list[SealedEvent]:
    """So many jobs through `HISTORY`, interleaved: all are submitted, then all started, and so on."""
    events: list[SealedEvent] = []
    for version, (kind, facts, payload) in enumerate(HISTORY, start=1):
        for number in range(jobs):
            events.append(sealed(len(events) + 1, job(number), version, kind, facts, payload))
    return events


def after_a_restore(jobs: int, *, first: int, begun: int) -> list[SealedEvent]:
    """A tree from position `first` on; of `begun` of its jobs all but the end is in the tree before it."""
    events = [sealed(first, job(9_999), 1, "LedgerRestored", {"kept_size": first - 1})]
    for version, (kind, facts, payload) in enumerate(HISTORY, start=1):
        for number in range(jobs):
            if number >= begun or version == len(HISTORY):
                events.append(sealed(first + len(events), job(number), version, kind, facts, payload))
    return events


@dataclass
class ListedLedger:
    """Events from position `first` on; the checkpoint covers them all, unless `sizes` says otherwise."""

    events: list[SealedEvent]
    sizes: tuple[int, ...] = ()
    signer: Ed25519Signer = field(default_factory=lambda: Ed25519Signer(ORIGIN, b"\7" * 32))
    origin: str = ORIGIN
    tree: int = 1
    first: int = 1

    @property
    def key(self) -> LogKey:
        return LogKey(self.signer.name, self.signer.public_key)

    def checkpoint_of(self, size: int) -> Checkpoint:
        frontier = Frontier()
        frontier.extend([event.leaf_hash for event in self.events[:size]])
        return Checkpoint(self.origin, size, frontier.root())

    def note(self, size: int) -> str:
        return str(sign(self.checkpoint_of(size).body, [self.signer]))

    async def last_position(self) -> int:
        return self.first + len(self.events) - 1

    async def read(
        self, which: EventFilter, *, after: int, through: int | None = None, limit: int
    ) -> list[SealedEvent]:
        end = self.first + len(self.events) if through is None else through
        found = [event for event in self.events if after < event.position <= end]
        return [event for event in found if _matches(which, event)][:limit]

    async def head(self, tree: int | None = None) -> Head | None:
        if tree not in (None, self.tree):
            return None
        size = max(self.sizes, default=len(self.events))
        return Head(self.note(size), self.tree, self.first) if size else None

    async def keys(self) -> list[LogKey]:
        return [self.key]

    async def checkpoints(self, tree: int, *, above: int, through: int, limit: int) -> list[str]:
        return [self.note(size) for size in sorted(self.sizes) if above < size <= through][:limit]

    async def tiles(self, tree: int, tiles: Collection[Tile]) -> dict[Tile, bytes]:
        frontier = Frontier()
        full = frontier.extend([event.leaf_hash for event in self.events])
        held = {(tile.level, tile.index): content for tile, content in [*full, *frontier.partial_tiles()]}
        found: dict[Tile, bytes] = {}
        for tile in tiles:
            content = held.get((tile.level, tile.index), b"")
            if len(content) >= tile.width * HASH_BYTES:
                found[tile] = content[: tile.width * HASH_BYTES]
        return found


def _matches(which: EventFilter, event: SealedEvent) -> bool:
    envelope = event.envelope
    at = datetime.fromisoformat(envelope.recorded_at)
    return (
        which.job_id in (None, envelope.job_id)
        and which.type in (None, envelope.type)
        and which.actor_id in (None, envelope.actor_id)
        and (which.since is None or at >= which.since)
        and (which.until is None or at < which.until)
    )


def renumbered(events: Iterable[SealedEvent], first: int = 1) -> list[SealedEvent]:
    """The same events at the positions from `first` on."""
    return [event._replace(position=position) for position, event in enumerate(events, start=first)]
