"""The ledger in memory: events are sealed in the order of their commits."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from adapters.in_memory.audit_trail import InMemoryAuditTrail
from adapters.in_memory.event_store import salt_of
from adapters.in_memory.state import InMemoryState, StoredAuditEvent
from adapters.postgres import event_codec
from domain.audit import LedgerRestored
from domain.events import JobSubmitted, Provenance, RecordedEvent
from domain.ledger.leaves import Envelope, hash_envelope
from domain.ledger.lines import SealedEvent
from domain.ledger.merkle import HASH_BYTES, Frontier, Tile, TileRoot
from domain.ledger.notes import LogKey, parse_key
from domain.ports.ledger_reading import EventFilter, Head
from domain.ports.ledger_sealing import KeyChange, LedgerTree, Tick


class _Place(NamedTuple):
    """Which event stands here: the so-manieth of the state's, or of the audit trail's."""

    is_audit: bool
    place: int
    leaf_hash: bytes


class _Signed(NamedTuple):
    tree: int
    size: int
    note: str
    at: float


class InMemoryLedger:
    """Sealing and reading both."""

    def __init__(self, state: InMemoryState, audit: InMemoryAuditTrail) -> None:
        self._state = state
        self._audit = audit
        self._places: list[_Place] = []
        self._sealed_events = 0
        self._sealed_audit = 0
        self._trees: list[LedgerTree] = []
        self._signed: list[_Signed] = []
        self._keys: dict[str, bool] = {}

    async def seal(self, *, limit: int) -> Tick | None:
        self._state.reach()
        first = len(self._places) + 1
        events = range(self._sealed_events, min(len(self._state.events), self._sealed_events + limit))
        audit = range(self._sealed_audit, min(len(self._state.audit_events), self._sealed_audit + limit))
        self._places += [self._place(index) for index in events]
        self._places += [self._place(index, is_audit=True) for index in audit]
        self._sealed_events, self._sealed_audit = events.stop, audit.stop
        hashes = [place.leaf_hash for place in self._places[first - 1 :]]
        return Tick(first, hashes) if hashes else None

    async def is_behind(self) -> bool:
        tree = await self.newest_tree()
        signed = tree.first_position - 1 + tree.signed_size if tree else 0
        recorded = len(self._state.events), len(self._state.audit_events)
        return recorded != (self._sealed_events, self._sealed_audit) or len(self._places) > signed

    async def leaf_hashes(self, *, after: int) -> list[bytes]:
        self._state.reach()
        return [place.leaf_hash for place in self._places[after:]]

    async def newest_tree(self) -> LedgerTree | None:
        self._state.reach()
        if not self._trees:
            return None
        tree = self._trees[-1]
        sizes = [signed.size for signed in self._signed if signed.tree == tree.number]
        return tree._replace(signed_size=max(sizes, default=0))

    async def begin_tree(self, *, origin: str) -> None:
        self._state.reach()
        if not self._trees:
            self._trees.append(LedgerTree(1, origin, 1))

    async def begin_tree_after(
        self,
        last: int,
        *,
        origin: str,
        event: LedgerRestored,
        provenance: Provenance,
    ) -> None:
        newest = await self.newest_tree()
        if newest and newest.number > last:
            return
        await self._audit.record(event, provenance)
        index = len(self._state.audit_events) - 1
        self._places.append(self._place(index, is_audit=True))
        self._trees.append(LedgerTree(last + 1, origin, len(self._places)))
        # What was recorded before it and not sealed yet comes behind it.
        self._places += [self._place(other, is_audit=True) for other in range(self._sealed_audit, index)]
        self._sealed_audit = index + 1

    async def add_checkpoint(
        self, tree: LedgerTree, *, size: int, note: str, roots: Sequence[TileRoot], apart_seconds: float
    ) -> bool:
        self._state.reach()
        del roots  # Tiles are worked out from the leaves each time.
        now = self._state.clock.now().timestamp()
        for signed in self._signed:
            if signed.tree == tree.number and (signed.size >= size or signed.at > now - apart_seconds):
                return False
        self._signed.append(_Signed(tree.number, size, note, now))
        return True

    async def set_keys(self, keys: Sequence[str]) -> KeyChange:
        self._state.reach()
        added = tuple(key for key in keys if not self._keys.get(key))
        retired = tuple(key for key, is_used in self._keys.items() if is_used and key not in keys)
        self._keys = dict.fromkeys(self._keys, False) | dict.fromkeys(keys, True)
        return KeyChange(added, retired)

    async def last_position(self) -> int:
        self._state.reach()
        return len(self._places)

    async def read(
        self, which: EventFilter, *, after: int, through: int | None = None, limit: int
    ) -> list[SealedEvent]:
        self._state.reach()
        end = len(self._places) if through is None else through
        found = self._matching(which, after, end)
        return [event for event, _ in zip(found, range(limit), strict=False)]

    async def head(self, tree: int | None = None) -> Head | None:
        self._state.reach()
        found = [each for each in self._trees if tree in (None, each.number)][-1:]
        notes = [signed.note for signed in self._signed if found and signed.tree == found[0].number]
        return Head(notes[-1], found[0].number, found[0].first_position) if notes else None

    async def keys(self) -> list[LogKey]:
        self._state.reach()
        return [parse_key(key) for key in reversed(self._keys)]

    async def checkpoints(self, tree: int, *, above: int, through: int, limit: int) -> list[str]:
        self._state.reach()
        return [s.note for s in self._signed if s.tree == tree and above < s.size <= through][:limit]

    async def tiles(self, tree: int, tiles: Collection[Tile]) -> dict[Tile, bytes]:
        self._state.reach()
        first, *later = (found.first_position for found in self._trees if found.number >= tree)
        leaves = self._places[first - 1 : later[0] - 1 if later else None]
        frontier = Frontier()
        full = frontier.extend([place.leaf_hash for place in leaves])
        held = {(tile.level, tile.index): hashes for tile, hashes in [*full, *frontier.partial_tiles()]}
        found = {tile: held.get((tile.level, tile.index), b"")[: tile.width * HASH_BYTES] for tile in tiles}
        return {tile: hashes for tile, hashes in found.items() if len(hashes) == tile.width * HASH_BYTES}

    def _place(self, index: int, *, is_audit: bool = False) -> _Place:
        stored = self._stored(index, is_audit=is_audit)
        return _Place(is_audit, index, hash_envelope(_sealed_event(stored, 0, b"").envelope))

    def _stored(self, index: int, *, is_audit: bool) -> RecordedEvent | StoredAuditEvent:
        return self._state.audit_events[index] if is_audit else self._state.events[index].recorded

    def _matching(self, which: EventFilter, after: int, end: int) -> Iterator[SealedEvent]:
        for position in range(after + 1, min(end, len(self._places)) + 1):
            place = self._places[position - 1]
            stored = self._stored(place.place, is_audit=place.is_audit)
            event = _sealed_event(stored, position, place.leaf_hash)
            if self._matches(which, event):
                yield event

    def _matches(self, which: EventFilter, event: SealedEvent) -> bool:
        envelope = event.envelope
        recorded_at = datetime.fromisoformat(envelope.recorded_at)
        return (
            which.job_id in (None, envelope.job_id)
            and which.type in (None, envelope.type)
            and which.actor_id in (None, envelope.actor_id)
            and which.user_id in (None, self._submitter(envelope.job_id))
            and (which.since is None or recorded_at >= which.since)
            and (which.until is None or recorded_at < which.until)
        )

    def _submitter(self, job_id: str) -> str | None:
        for stored in self._state.events:
            if stored.recorded.job_id == job_id and isinstance(stored.recorded.event, JobSubmitted):
                return stored.recorded.event.user_id
        return None


def _sealed_event(stored: RecordedEvent | StoredAuditEvent, position: int, leaf: bytes) -> SealedEvent:
    encoded = event_codec.encode(stored.event, salt_of(stored))
    by = stored.provenance
    envelope = Envelope(
        stored.job_id,
        stored.version,
        encoded.type,
        encoded.schema_version,
        event_codec.timestamp(stored.recorded_at),
        by.actor.kind.value,
        by.actor.id,
        by.request_id,
        by.command_id,
        by.traceparent,
        stored.code_version,
        encoded.facts,
        stored.commitment or encoded.commitment,
    )
    return SealedEvent(position, leaf, envelope, encoded.payload, encoded.salt)
