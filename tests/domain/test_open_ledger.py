"""Opening, growing and signing the ledger, and what happens when it is not the one that was signed."""

import base64
from dataclasses import dataclass

import pytest

from adapters.ed25519 import Ed25519Signer, check_ed25519
from adapters.in_memory.checkpoint_copies import InMemoryCheckpointCopies
from domain.errors import CopiesUnavailable, HistoryTakenBack, InvalidSettings
from domain.events import JobSubmitted
from domain.ledger.growing import GrowingTree
from domain.ledger.lines import line
from domain.ledger.notes import Checkpoint, LogKey, parse_checkpoint, parse_note, sign
from domain.ledger.verifier import verify
from domain.ports.ledger_reading import EVERYTHING
from domain.use_cases.export import Export, begin, export
from domain.use_cases.open_ledger import Opened, open_ledger
from domain.use_cases.seal import seal_next
from domain.use_cases.sign_checkpoint import sign_checkpoint
from tests.builders import provenance
from tests.contracts.acts import submit
from tests.fakes.ports import InMemoryPorts, in_memory_ports

NAME = "jobledger.test/log"
ALL = 1000


@dataclass
class World:
    """A ledger in memory, and the copies of its checkpoints, which outlive it."""

    ports: InMemoryPorts
    copies: InMemoryCheckpointCopies

    async def open(self, name: str = NAME) -> Opened:
        ledger = self.ports.ledger
        return await open_ledger(ledger, ledger, self.copies, name=name, provenance=provenance())

    async def grow(self, tree: GrowingTree, jobs: int) -> None:
        for _ in range(jobs):
            await submit(self.ports)
        await seal_next(self.ports.ledger, tree, limit=ALL)

    async def sign(self, tree: GrowingTree) -> bool:
        self.ports.clock.advance(1)
        return await sign_checkpoint(
            self.ports.ledger, self.copies, tree, [Ed25519Signer(tree.origin, b"\7" * 32)], apart_seconds=1
        )

    async def signed(self, *, jobs: int) -> GrowingTree:
        tree = (await self.open()).tree
        await self.grow(tree, jobs)
        await self.sign(tree)
        return tree

    def last_checkpoint(self) -> Checkpoint:
        return parse_checkpoint(parse_note(self.copies.notes[-1]).body)

    async def restored(self, *, jobs: int, is_signed: bool = True) -> "World":
        """Another database under the same copies, as from a backup that has so many jobs."""
        other = World(in_memory_ports(), InMemoryCheckpointCopies())
        if jobs:
            tree = (await other.open()).tree
            await other.grow(tree, jobs)
            if is_signed:
                await other.sign(tree)
        return World(other.ports, self.copies)


@pytest.fixture
def world() -> World:
    return World(in_memory_ports(), InMemoryCheckpointCopies())


async def test_a_first_tree_begins_with_the_first_event(world: World) -> None:
    opened = await world.open()

    assert (opened.tree.origin, opened.tree.size, opened.tree.first_position) == (NAME, 0, 1)
    assert opened.restored is None


async def test_a_checkpoint_holds_what_was_sealed_and_is_published(world: World) -> None:
    tree = await world.signed(jobs=3)
    head = await world.ports.ledger.head()

    assert world.last_checkpoint() == tree.checkpoint()
    assert head is not None
    assert head.note == world.copies.notes[-1]
    assert tree.size == 3


async def test_nothing_new_is_not_signed_again(world: World) -> None:
    tree = await world.signed(jobs=3)

    assert await world.sign(tree)
    assert len(world.copies.notes) == 1


async def test_checkpoints_come_no_faster_than_asked(world: World) -> None:
    tree = await world.signed(jobs=1)
    await world.grow(tree, 1)
    world.ports.clock.advance(-1)
    at_once = await world.sign(tree)
    later = await world.sign(tree)

    assert (at_once, later) == (False, True)
    assert [parse_checkpoint(parse_note(note).body).size for note in world.copies.notes] == [1, 2]


async def test_another_sealer_goes_on_where_the_first_one_was(world: World) -> None:
    first = await world.signed(jobs=300)
    await world.grow(first, 300)
    second = (await world.open()).tree

    assert second.checkpoint() == first.checkpoint()
    await world.grow(second, 100)
    await world.sign(second)
    assert world.last_checkpoint().size == 700
    assert (await world.open()).tree.checkpoint() == second.checkpoint()


async def test_a_sealer_catches_up_with_another(world: World) -> None:
    first, second = (await world.open()).tree, (await world.open()).tree
    await world.grow(first, 5)
    await world.grow(second, 2)
    await world.grow(first, 1)

    assert (second.size, first.size) == (7, 8)
    await world.sign(second)
    assert await world.sign(first)
    assert world.last_checkpoint() == first.checkpoint()


async def test_of_two_sealers_only_one_signs_at_a_time(world: World) -> None:
    first = await world.signed(jobs=2)
    second = (await world.open()).tree
    await world.grow(first, 2)
    await seal_next(world.ports.ledger, second, limit=ALL)
    world.ports.clock.advance(5)
    await world.sign(first)
    world.ports.clock.advance(-1)
    second = (await world.open()).tree
    await world.grow(second, 1)
    signed = await world.sign(second)

    assert not signed
    assert world.last_checkpoint().size == 4


async def test_what_could_not_be_published_is_published_later(world: World) -> None:
    tree = (await world.open()).tree
    await world.grow(tree, 2)
    world.copies.is_reachable = False
    with pytest.raises(CopiesUnavailable):
        await world.sign(tree)
    world.copies.is_reachable = True
    await world.sign(tree)

    assert world.last_checkpoint() == tree.checkpoint()


async def test_what_a_killed_sealer_did_not_publish_its_successor_does(world: World) -> None:
    tree = await world.signed(jobs=2)
    await world.grow(tree, 2)
    world.copies.is_reachable = False
    with pytest.raises(CopiesUnavailable):
        await world.sign(tree)
    world.copies.is_reachable = True
    successor = (await world.open()).tree
    await world.sign(successor)

    assert world.last_checkpoint() == tree.checkpoint()


async def test_after_a_restore_a_new_tree_begins_and_says_what_was_signed_and_what_is_there(
    world: World,
) -> None:
    signed = await world.signed(jobs=9)
    backup = await world.restored(jobs=4)
    opened = await backup.open()
    await backup.grow(opened.tree, 2)
    await backup.sign(opened.tree)
    events = await backup.ports.ledger.read(EVERYTHING, after=4, limit=ALL)

    assert opened.restored == f"{NAME} was signed up to size 9, and ends at 4 here"
    assert opened.tree.origin == f"{NAME}/tree-2"
    assert opened.tree.first_position == 5
    assert [event.envelope.type for event in events] == ["LedgerRestored", "JobSubmitted", "JobSubmitted"]
    restored = backup.ports.audit.recorded[-1][0]
    kept = (await world_of(jobs=4)).checkpoint()
    assert getattr(restored, "checkpoint", None) == signed.checkpoint().body
    assert getattr(restored, "kept_size", None) == 4
    assert len(base64.b64decode(getattr(restored, "kept_root", ""))) == len(kept.root)
    assert backup.last_checkpoint().size == 3


async def world_of(jobs: int) -> GrowingTree:
    return await World(in_memory_ports(), InMemoryCheckpointCopies()).signed(jobs=jobs)


async def test_a_new_tree_is_not_begun_twice(world: World) -> None:
    await world.signed(jobs=9)
    backup = await world.restored(jobs=4)
    begun = await backup.open()
    again = await backup.open()

    assert again.tree.checkpoint() == begun.tree.checkpoint()
    assert again.restored is None


async def test_a_database_taken_back_before_its_second_tree_gets_a_third(world: World) -> None:
    await world.signed(jobs=9)
    backup = await world.restored(jobs=4)
    tree = (await backup.open()).tree
    await backup.sign(tree)
    older = await backup.restored(jobs=2)

    assert (await older.open()).tree.origin == f"{NAME}/tree-3"


async def test_an_empty_database_under_signed_copies_begins_a_second_tree(world: World) -> None:
    await world.signed(jobs=9)
    empty = await world.restored(jobs=0)
    opened = await empty.open("another/name")

    assert opened.tree.origin == f"{NAME}/tree-2"
    assert opened.tree.size == 1


async def test_a_database_with_another_history_of_the_same_length_begins_a_second_tree(world: World) -> None:
    await world.signed(jobs=4)
    for is_signed in (True, False):
        backup = await world.restored(jobs=6, is_signed=is_signed)
        opened = await backup.open()

        assert opened.restored == f"{NAME} was signed with another history up to size 4"
        assert opened.tree.first_position == 7


async def test_copies_of_another_ledger_are_refused(world: World) -> None:
    await world.signed(jobs=2)
    checkpoint = Checkpoint("somebody.else/log", 1, b"\1" * 32)
    world.copies.notes.append(str(sign(checkpoint.body, [Ed25519Signer("somebody.else/log", b"\1" * 32)])))

    with pytest.raises(InvalidSettings, match="checkpoints of somebody"):
        await world.open()


async def test_a_database_taken_back_beneath_a_sealer_is_noticed(world: World) -> None:
    tree = await world.signed(jobs=9)
    backup = await world.restored(jobs=4)
    await submit(backup.ports)

    with pytest.raises(HistoryTakenBack):
        await seal_next(backup.ports.ledger, tree, limit=ALL)


async def test_an_export_after_a_restore_verifies_with_the_key_of_the_new_tree(world: World) -> None:
    await world.signed(jobs=9)
    backup = await world.restored(jobs=4)
    tree = (await backup.open()).tree
    await backup.grow(tree, 3)
    await backup.sign(tree)
    whole = Export(EVERYTHING)
    signed = await begin(backup.ports.ledger, whole)
    lines = [line(fields) async for fields in export(backup.ports.ledger, signed, whole, about={})]
    key = LogKey(tree.origin, Ed25519Signer("", b"\7" * 32).public_key)
    verdict = verify(lines, [key], check_ed25519)

    assert verdict.findings == []
    assert verdict.events == 4
    assert JobSubmitted.__name__ in lines[2].decode()
