"""What the ledger promises: each event once, at a dense position, in an order that every stream keeps."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from adapters.ed25519 import Ed25519Signer
from domain import decisions
from domain.audit import LedgerRestored, RecoverySwept
from domain.events import ActorKind, Progress
from domain.identifiers import UserId
from domain.ledger.leaves import commitment_of, hash_envelope
from domain.ledger.lines import SealedEvent
from domain.ledger.merkle import FilledTile, Frontier, Tile, right_edge
from domain.ledger.notes import Checkpoint, LogKey, sign
from domain.ledger.proofs import root_from_inclusion
from domain.ports.ledger_reading import EVERYTHING, EventFilter
from domain.ports.ledger_sealing import KeyChange, LedgerTree, Tick
from domain.use_cases.prove import prove_inclusion
from tests.builders import provenance
from tests.contracts.acts import append, cancel, fail, start, submit
from tests.fakes.ports import Ports

ORIGIN = "jobledger.test/log"
SIGNER = Ed25519Signer(ORIGIN, b"\7" * 32)
ALL = 10_000
SWEPT = RecoverySwept(scanned=1, silent_for_seconds=900, acted_count=0, skipped_count=0, months_made=0)


async def sealed(ports: Ports, limit: int = ALL) -> list[Tick]:
    ticks = []
    while tick := await ports.sealing.seal(limit=limit):
        ticks.append(tick)
    return ticks


async def everything(ports: Ports, which: EventFilter = EVERYTHING, **rest: Any) -> list[SealedEvent]:
    return await ports.ledger.read(which, **({"after": 0, "limit": ALL} | rest))


async def histories(ports: Ports, jobs: int = 3) -> None:
    """Several jobs, interleaved, with payloads of every kind, and an event beside them."""
    views = [
        await submit(ports, job_parameters={"n": n, "text": 'Ünï "q" \\ \n\t\x01\x7f € 漢'}, tags=("a", "b"))
        for n in range(jobs)
    ]
    running = [await start(ports, view) for view in views]
    for view in running[::-1]:
        report = decisions.report_progress(view.job, progress=Progress(percent=5, message="so far"))
        moved = await append(ports, view, report)
        await append(ports, moved, decisions.complete(moved.job, result=[1, None], data_references=("s3",)))
    await ports.audit.record(SWEPT, provenance(ActorKind.OPERATOR, 'ann "the\\op"\n'))


async def leaf(ports: Ports, position: int) -> bytes:
    (event,) = await everything(ports, after=position - 1, limit=1)
    return event.leaf_hash


async def begun(ports: Ports) -> LedgerTree:
    await ports.sealing.begin_tree(origin=ORIGIN)
    tree = await ports.sealing.newest_tree()
    assert tree is not None
    return tree


async def test_positions_are_dense_and_every_stream_keeps_its_order(ports: Ports) -> None:
    await histories(ports)
    await sealed(ports)
    await histories(ports)
    await sealed(ports)
    events = await everything(ports)
    streams: dict[str, list[int]] = {}
    for event in events:
        streams.setdefault(event.envelope.job_id, []).append(event.envelope.version)

    assert [event.position for event in events] == list(range(1, 27))
    assert await ports.ledger.last_position() == 26
    assert sorted(streams.values()) == [[1], [1], *([[1, 2, 3, 4]] * 6)]


async def test_a_leaf_is_the_hash_of_the_envelope_and_a_commitment_of_the_payload(ports: Ports) -> None:
    await histories(ports)
    ticks = await sealed(ports)
    events = await everything(ports)

    assert [hash_envelope(event.envelope) for event in events] == [event.leaf_hash for event in events]
    assert [leaf for tick in ticks for leaf in tick.leaf_hashes] == [event.leaf_hash for event in events]
    for event in events:
        if event.payload is not None and event.salt is not None:
            assert commitment_of(event.salt, event.payload) == event.envelope.commitment
    assert len([event for event in events if event.payload]) == 9


async def test_nothing_new_seals_nothing(ports: Ports) -> None:
    await histories(ports)
    await sealed(ports)

    assert await ports.sealing.seal(limit=ALL) is None
    assert await ports.ledger.last_position() == 13


async def test_an_empty_ledger_has_neither_events_nor_head(ports: Ports) -> None:
    assert await ports.sealing.seal(limit=ALL) is None
    assert await ports.ledger.last_position() == 0
    assert await everything(ports) == []
    assert await ports.ledger.head() is None
    assert await ports.ledger.keys() == []
    assert await ports.sealing.newest_tree() is None
    assert await ports.sealing.leaf_hashes(after=0) == []


async def test_a_backlog_is_sealed_in_pieces_without_changing_its_order(ports: Ports) -> None:
    await histories(ports, jobs=8)
    ticks = await sealed(ports, limit=2)
    events = await everything(ports)

    assert len(ticks) > 5
    assert [tick.first_position for tick in ticks] == [
        1 + sum(len(tick.leaf_hashes) for tick in ticks[:n]) for n in range(len(ticks))
    ]
    assert len({(event.envelope.job_id, event.envelope.version) for event in events}) == len(events) == 33


async def test_many_may_seal_at_once(ports: Ports) -> None:
    await histories(ports, jobs=5)
    ticks = [tick for tick in await asyncio.gather(*(ports.sealing.seal(limit=3) for _ in range(4))) if tick]
    ticks += await sealed(ports)
    events = await everything(ports)

    assert len(events) == sum(len(tick.leaf_hashes) for tick in ticks) == 21
    assert [event.position for event in events] == list(range(1, 22))


async def test_reading_goes_by_position(ports: Ports) -> None:
    await histories(ports)
    await sealed(ports, limit=4)
    events = await everything(ports)

    assert await everything(ports, after=5, limit=3) == events[5:8]
    assert await everything(ports, after=5, through=7) == events[5:7]
    assert await everything(ports, after=13) == []
    assert await everything(ports, through=100) == events


async def test_events_are_found_by_job_type_actor_user_and_time(ports: Ports) -> None:
    await histories(ports)
    other = await submit(ports, user_id=UserId("user-2"))
    await cancel(ports, other)
    await sealed(ports, limit=4)
    events = await everything(ports)
    of_job = [event for event in events if event.envelope.job_id == other.job.id]
    at = of_job[0].envelope.recorded_at

    assert len(of_job) == 2
    assert await everything(ports, EventFilter(job_id=other.job.id)) == of_job
    assert await everything(ports, EventFilter(job_id=other.job.id), after=of_job[0].position) == of_job[1:]
    assert await everything(ports, EventFilter(job_id=other.job.id), limit=1) == of_job[:1]
    assert await everything(ports, EventFilter(user_id=UserId("user-2"))) == of_job
    assert (
        await everything(ports, EventFilter(type="JobCompleted"), limit=2)
        == [event for event in events if event.envelope.type == "JobCompleted"][:2]
    )
    assert [e.envelope.type for e in await everything(ports, EventFilter(actor_id='ann "the\\op"\n'))] == [
        "RecoverySwept"
    ]
    since = other.created_at
    assert await everything(ports, EventFilter(since=since)) == [
        event for event in events if event.envelope.recorded_at >= at
    ]
    assert await everything(ports, EventFilter(until=since)) == [
        event for event in events if event.envelope.recorded_at < at
    ]
    assert await everything(ports, EventFilter(since=since + timedelta(days=999))) == []
    assert await everything(ports, EventFilter(job_id=other.job.id, type="JobSubmitted")) == of_job[:1]


async def test_erasure_takes_payload_and_salt_and_leaves_the_leaf(ports: Ports) -> None:
    view = await fail(ports, await start(ports, await submit(ports, tags=("personal",))), retryable=False)
    before_erasure = await everything_after_sealing(ports)
    await append(ports, view, decisions.erase(view.job, basis="asked for"))
    events = await everything_after_sealing(ports)

    assert [event.payload for event in before_erasure if event.payload] != []
    assert [event.payload for event in events[:-1]] == [None, None, None]
    assert [event.salt for event in events[:-1]] == [None, None, None]
    assert events[-1].envelope.type == "PersonalDataErased"
    assert events[-1].payload == '{"basis":"asked for"}'
    assert [hash_envelope(event.envelope) for event in events] == [event.leaf_hash for event in events]
    assert [event.envelope for event in events[:-1]] == [event.envelope for event in before_erasure]


async def everything_after_sealing(ports: Ports) -> list[SealedEvent]:
    await sealed(ports)
    return await everything(ports)


async def test_what_is_erased_before_it_was_sealed_has_its_commitment_all_the_same(ports: Ports) -> None:
    view = await fail(ports, await start(ports, await submit(ports)), retryable=False)
    await append(ports, view, decisions.erase(view.job, basis="asked for"))
    events = await everything_after_sealing(ports)

    assert [event.envelope.commitment is not None for event in events] == [True, False, True, True]
    assert [event.payload is not None for event in events] == [False, False, False, True]


async def test_checkpoints_are_kept_once_and_apart(ports: Ports) -> None:
    tree = await begun(ports)
    note = str(sign(Checkpoint(ORIGIN, 5, b"\1" * 32).body, [SIGNER]))
    larger = str(sign(Checkpoint(ORIGIN, 9, b"\2" * 32).body, [SIGNER]))
    add = ports.sealing.add_checkpoint

    assert await add(tree, size=5, note=note, roots=[], apart_seconds=60)
    assert not await add(tree, size=5, note=note, roots=[], apart_seconds=0)
    assert not await add(tree, size=9, note=larger, roots=[], apart_seconds=60)
    assert await add(tree, size=9, note=larger, roots=[], apart_seconds=0)
    assert await ports.ledger.checkpoints(1, above=0, through=9, limit=5) == [note, larger]
    assert await ports.ledger.checkpoints(1, above=5, through=9, limit=5) == [larger]
    head = await ports.ledger.head()
    assert head == (larger, 1, 1)
    assert await ports.sealing.newest_tree() == LedgerTree(1, ORIGIN, 1, signed_size=9)


async def test_a_tree_begins_once(ports: Ports) -> None:
    await begun(ports)
    await ports.sealing.begin_tree(origin="jobledger.test/other")

    assert await ports.sealing.newest_tree() == LedgerTree(1, ORIGIN, 1)


async def test_tiles_hold_what_the_tree_holds(ports: Ports) -> None:
    tree = await begun(ports)
    for _ in range(3):
        for _ in range(2):
            await histories(ports, jobs=26)
        await ports.sealing.seal(limit=ALL)
    leaves = [event.leaf_hash for event in await everything(ports)]
    frontier = Frontier()
    full = frontier.extend(leaves)
    note = str(sign(Checkpoint(ORIGIN, frontier.size, frontier.root()).body, [SIGNER]))
    await ports.sealing.add_checkpoint(
        tree, size=frontier.size, note=note, roots=frontier.take_roots(), apart_seconds=0
    )
    expected = dict([*full, *frontier.partial_tiles()])

    assert len(leaves) == 630
    assert await ports.ledger.tiles(1, [*expected]) == expected
    assert await ports.ledger.tiles(1, [Tile(0, 0, 7)]) == {Tile(0, 0, 7): b"".join(leaves[:7])}
    assert await ports.ledger.tiles(1, [Tile(0, 2, 256), Tile(1, 9)]) == {}
    edge = await ports.ledger.tiles(1, right_edge(600))
    resumed = Frontier(600, [FilledTile(tile, hashes) for tile, hashes in edge.items()])
    resumed.extend(await ports.sealing.leaf_hashes(after=600))
    assert resumed.root() == frontier.root()


async def test_leaf_hashes_are_told_from_any_position_on(ports: Ports) -> None:
    await histories(ports)
    await sealed(ports, limit=3)
    leaves = [event.leaf_hash for event in await everything(ports)]

    for after in range(len(leaves) + 1):
        assert await ports.sealing.leaf_hashes(after=after) == leaves[after:]


async def test_a_tree_in_the_place_of_another_begins_with_what_was_signed_last(ports: Ports) -> None:
    await begun(ports)
    await histories(ports)
    await sealed(ports)
    view = await submit(ports)
    event = LedgerRestored(checkpoint="was\n", kept_origin=ORIGIN, kept_size=13, kept_root="r")
    begin = ports.sealing.begin_tree_after
    for _ in range(2):
        await begin(1, origin=f"{ORIGIN}/2", event=event, provenance=provenance())
    await cancel(ports, view)
    await sealed(ports)
    events = await everything(ports, after=13)

    assert await ports.sealing.newest_tree() == LedgerTree(2, f"{ORIGIN}/2", 14)
    assert [event.envelope.type for event in events] == ["LedgerRestored", "JobSubmitted", "JobCancelled"]
    assert await ports.ledger.tiles(2, [Tile(0, 0, 3)]) == {
        Tile(0, 0, 3): b"".join(event.leaf_hash for event in events)
    }
    assert await ports.ledger.head() is None


async def test_a_tree_in_whose_place_another_came_is_still_proven(ports: Ports) -> None:
    tree = await begun(ports)
    await histories(ports)
    await sealed(ports)
    leaves = [event.leaf_hash for event in await everything(ports)]
    frontier = Frontier()
    frontier.extend(leaves)
    note = str(sign(Checkpoint(ORIGIN, frontier.size, frontier.root()).body, [SIGNER]))
    roots = frontier.take_roots()
    await ports.sealing.add_checkpoint(tree, size=frontier.size, note=note, roots=roots, apart_seconds=0)
    event = LedgerRestored(checkpoint="was\n", kept_origin=ORIGIN, kept_size=13, kept_root="r")
    await ports.sealing.begin_tree_after(1, origin=f"{ORIGIN}/2", event=event, provenance=provenance())
    await submit(ports)
    await sealed(ports)
    second = await ports.sealing.newest_tree()
    assert second is not None
    later = str(sign(Checkpoint(f"{ORIGIN}/2", 1, await leaf(ports, 14)).body, [SIGNER]))
    await ports.sealing.add_checkpoint(second, size=1, note=later, roots=[], apart_seconds=0)

    assert await ports.ledger.head() == (later, 2, 14)
    assert await ports.ledger.head(1) == (note, 1, 1)
    assert await ports.ledger.head(3) is None
    proof = await prove_inclusion(ports.ledger, position=3)
    assert (proof.index, proof.checkpoint) == (2, note)
    assert root_from_inclusion(2, frontier.size, leaves[2], proof.hashes) == frontier.root()


async def test_keys_come_into_use_and_go_out_of_it(ports: Ports) -> None:
    old, new = (LogKey(ORIGIN, Ed25519Signer(ORIGIN, seed * 32).public_key) for seed in (b"\1", b"\2"))
    change = ports.sealing.set_keys

    assert await change([str(old)]) == KeyChange((str(old),), ())
    assert await change([str(old)]) == KeyChange((), ())
    assert await change([str(old), str(new)]) == KeyChange((str(new),), ())
    assert await change([str(new)]) == KeyChange((), (str(old),))
    assert await ports.ledger.keys() == [new, old]


@pytest.mark.parametrize("limit", [1, 5])
async def test_audit_events_are_sealed_beside_those_of_jobs(ports: Ports, limit: int) -> None:
    await ports.audit.record(SWEPT, provenance())
    await submit(ports)
    await ports.audit.record(SWEPT, provenance())
    await sealed(ports, limit=limit)
    events = await everything(ports)

    assert sorted(event.envelope.type for event in events) == [
        "JobSubmitted",
        "RecoverySwept",
        "RecoverySwept",
    ]


async def test_it_is_behind_until_all_that_was_recorded_is_sealed_and_signed(ports: Ports) -> None:
    empty = await ports.sealing.is_behind()
    await submit(ports)
    unsealed = await ports.sealing.is_behind()
    tree = await begun(ports)
    await sealed(ports)
    unsigned = await ports.sealing.is_behind()
    note = str(sign(Checkpoint(ORIGIN, 1, await leaf(ports, 1)).body, [SIGNER]))
    await ports.sealing.add_checkpoint(tree, size=1, note=note, roots=[], apart_seconds=0)
    whole = await ports.sealing.is_behind()
    await ports.audit.record(SWEPT, provenance(ActorKind.OPERATOR, "ann"))

    assert (empty, unsealed, unsigned, whole) == (False, True, True, False)
    assert await ports.sealing.is_behind()
