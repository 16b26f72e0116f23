"""Whether a job's history stands in the signed ledger: worked out anew, hash by hash, not looked up."""

from enum import StrEnum
from typing import NamedTuple

from domain.errors import NotSealed
from domain.identifiers import JobId
from domain.ledger.leaves import hash_envelope
from domain.ledger.lines import SealedEvent
from domain.ledger.proofs import root_from_inclusion
from domain.ports.ledger_reading import EventFilter, LedgerReading
from domain.use_cases.prove import SignedTree, prove_all, signed_tree

MAX_EVENTS = 2000


class Proven(StrEnum):
    """How far the proof goes."""

    ALL = "all"
    SEALED = "sealed"
    WAITING = "waiting"
    BROKEN = "broken"


class JobProof(NamedTuple):
    """What is proven of a job's history.

    ALL: every event stands in the tree that the last checkpoint signs. SEALED: every event has its position,
    and some wait for the next checkpoint. WAITING: some have no position yet. BROKEN: a hash is not what its
    event says, or does not lead to the signed root. `positions` maps versions to positions.
    """

    state: Proven
    positions: dict[int, int]
    proven: int
    tree: SignedTree | None


async def prove_job(ledger: LedgerReading, job_id: JobId, *, version: int) -> JobProof:
    """The proof of the job's first `version` events; raises StorageUnavailable."""
    sealed = await ledger.read(EventFilter(job_id=job_id), after=0, limit=MAX_EVENTS)
    positions = {event.envelope.version: event.position for event in sealed}
    try:
        tree = await signed_tree(ledger)
        proven = await _proven(ledger, tree, sealed)
    except NotSealed:
        tree, proven = None, 0
    if proven is None:
        state = Proven.BROKEN
    elif proven >= version:
        state = Proven.ALL
    else:
        state = Proven.SEALED if len(sealed) >= version else Proven.WAITING
    return JobProof(state, positions, proven or 0, tree)


async def _proven(ledger: LedgerReading, tree: SignedTree, sealed: list[SealedEvent]) -> int | None:
    """How many of the events the signed tree holds; None when one of them is not what was signed."""
    held = [event for event in sealed if tree.first <= event.position <= tree.last]
    paths = await prove_all(ledger, tree, [event.position for event in held])
    for event in held:
        index = event.position - tree.first
        leaf = hash_envelope(event.envelope)
        if root_from_inclusion(index, tree.size, leaf, paths[event.position]) != tree.checkpoint.root:
            return None
    # An earlier tree holds what was sealed before the database was taken back; its end is signed there.
    return len([event for event in sealed if event.position < tree.first]) + len(held)
