"""Whoever owns the database changes it behind our back, in every way that we could think of; each is found.

By `audit verify`, over an export and with what an auditor keeps (a public key and a checkpoint of before), or
where only the read model was changed, by `verify`. Triggers are out of the way: an owner can do that.
"""

# ruff: noqa: S608 - the statements are put together of this file's own words

from collections.abc import Callable
from dataclasses import dataclass

import psycopg
import pytest

from adapters.ed25519 import Ed25519Signer, check_ed25519
from adapters.fast_json import FAST_JSON
from adapters.in_memory.checkpoint_copies import InMemoryCheckpointCopies
from domain import decisions
from domain.errors import NotSealed
from domain.identifiers import JobId
from domain.ledger.growing import GrowingTree
from domain.ledger.leaves import canonical, hash_envelope
from domain.ledger.lines import line
from domain.ledger.merkle import Frontier
from domain.ledger.notes import Checkpoint, LogKey, sign
from domain.ledger.verifier import Verdict, Verifier
from domain.ports.event_store import Appended, Change
from domain.ports.ledger_reading import EVERYTHING, EventFilter
from domain.use_cases.export import Export, begin, export
from domain.use_cases.open_ledger import open_ledger
from domain.use_cases.prove import prove_inclusion
from domain.use_cases.seal import seal_next
from domain.use_cases.sign_checkpoint import sign_checkpoint
from domain.use_cases.verify import verify_jobs
from domain.views import JobView
from tests.builders import provenance, submission
from tests.conftest import PostgresPorts
from tests.contracts.acts import LEASE, append, cancel, change, fail, start, submit

NAME = "jobledger.test/log"
SIGNER = Ed25519Signer(NAME, b"\7" * 32)
KEY = LogKey(NAME, SIGNER.public_key)
JOBS = 100
ALL = 100_000


@dataclass
class World:
    """A ledger of some jobs, and an auditor who keeps a checkpoint of when it was half as long."""

    ports: PostgresPorts
    copies: InMemoryCheckpointCopies
    tree: GrowingTree
    jobs: list[JobView]
    kept: Checkpoint

    async def seal(self) -> None:
        await seal_next(self.ports.sealing, self.tree, limit=ALL)

    async def sign(self) -> None:
        await sign_checkpoint(self.ports.sealing, self.copies, self.tree, [SIGNER], apart_seconds=0)

    def own(self, *statements: str) -> None:
        """Run as whoever owns the tables, with nothing in the way."""
        with psycopg.connect(self.ports.owner_url, autocommit=True) as owner:
            owner.execute("SET session_replication_role = replica")  # no trigger fires
            for statement in statements:
                owner.execute(statement)

    async def verdict(self, which: EventFilter = EVERYTHING) -> Verdict:
        asked = Export(which, known_size=self.kept.size)
        tree = await begin(self.ports.ledger, asked)
        lines = [line(fields) async for fields in export(self.ports.ledger, tree, asked, about={})]
        return Verifier([KEY], check_ed25519, self.kept, FAST_JSON).run(lines)

    async def found(self, which: EventFilter = EVERYTHING) -> list[tuple[int | None, str]]:
        return [(finding.position, finding.what) for finding in (await self.verdict(which)).findings]

    async def position(self, job: int, version: int) -> int:
        events = await self.ports.ledger.read(EventFilter(job_id=self.jobs[job].job.id), after=0, limit=ALL)
        return next(event.position for event in events if event.envelope.version == version)

    def event(self, job: int, version: int) -> str:
        return f"job_id = '{self.jobs[job].job.id}' AND version = {version}"


async def finished_jobs(ports: PostgresPorts, number: int) -> list[JobView]:
    views = await appended(ports, [submission(tags=("mine",)) for _ in range(number)])
    started = [change(view, decisions.start(view.job, lease=LEASE, compute="local")) for view in views]
    running = await appended(ports, started)
    return await appended(
        ports,
        [change(view, decisions.complete(view.job, result={"n": 1}, data_references=())) for view in running],
    )


async def appended(ports: PostgresPorts, changes: list[Change]) -> list[JobView]:
    outcomes = await ports.store.append(changes)
    return [outcome.after for outcome in outcomes if isinstance(outcome, Appended)]


@pytest.fixture
async def world(postgres_ports: PostgresPorts) -> World:
    ports = postgres_ports
    copies = InMemoryCheckpointCopies()
    opened = await open_ledger(ports.sealing, ports.ledger, copies, name=NAME, provenance=provenance())
    world = World(ports, copies, opened.tree, [], opened.tree.checkpoint())
    for _ in range(2):
        world.kept = world.tree.checkpoint()
        world.jobs += await finished_jobs(ports, JOBS // 2)
        await world.seal()
        await world.sign()
    return world


async def test_an_honest_history_holds_whole_and_in_part(world: World) -> None:
    assert await world.found() == []
    assert await world.found(EventFilter(job_id=world.jobs[3].job.id)) == []
    assert await world.found(EventFilter(type="JobCompleted")) == []
    assert (await world.verdict()).compared_with == world.kept


CHANGES = {
    "facts": """'{"attempt":2}'""",
    "type": "'AttemptReleased'",
    "schema_version": "2",
    "recorded_at": "recorded_at + interval '1 microsecond'",
    "actor_kind": "'operator'",
    "actor_id": "'somebody-else'",
    "request_id": "'another'",
    "command_id": "gen_random_uuid()",
    "traceparent": "'00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'",
    "code_version": "'9.9.9'",
    "commitment": "sha256('another')",
}


@pytest.mark.parametrize("column", CHANGES)
async def test_a_changed_column_is_found_and_its_event_named(world: World, column: str) -> None:
    world.own(f"UPDATE jobledger.job_events SET {column} = {CHANGES[column]} WHERE {world.event(9, 3)}")
    position = await world.position(9, 3)

    assert position in {
        at for at, what in await world.found() if "is not the event that was sealed here" in what
    }


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("""payload = '{"result":{"n":2}}'""", "is not the one that was committed to"),
        ("salt = decode('00', 'hex')", "is not the one that was committed to"),
        ("payload = NULL, salt = NULL", "is gone, but was never erased"),
    ],
)
async def test_a_changed_or_stolen_payload_is_found(world: World, change: str, told: str) -> None:
    world.own(f"UPDATE jobledger.job_events SET {change} WHERE {world.event(9, 3)}")
    ((position, what),) = await world.found()

    assert position == await world.position(9, 3)
    assert told in what


async def test_swapped_payloads_are_found_both(world: World) -> None:
    one, other = world.event(3, 3), world.event(60, 3)
    world.own(
        f"""UPDATE jobledger.job_events AS e SET payload = o.payload, salt = o.salt
        FROM (SELECT payload, salt, {one} AS is_one FROM jobledger.job_events WHERE {one} OR {other}) AS o
        WHERE ({one.replace("job_id", "e.job_id").replace("version", "e.version")} AND NOT o.is_one)
            OR ({other.replace("job_id", "e.job_id").replace("version", "e.version")} AND o.is_one)"""
    )

    assert [position for position, _ in await world.found()] == [
        await world.position(3, 3), await world.position(60, 3),
    ]  # fmt: skip


@pytest.mark.parametrize("version", [1, 2, 3])
async def test_a_deleted_event_is_found(world: World, version: int) -> None:
    position = await world.position(9, version)
    world.own(f"DELETE FROM jobledger.job_events WHERE {world.event(9, version)}")
    told = f"positions {position} to {position} were left out"

    assert [what for _, what in await world.found() if told in what] != []
    if version < 3:
        one = EventFilter(job_id=world.jobs[9].job.id)
        assert [what for _, what in await world.found(one) if "where" in what and "is due" in what] != []


async def test_a_job_deleted_with_all_its_traces_is_found(world: World) -> None:
    job_id = world.jobs[9].job.id
    world.own(
        f"DELETE FROM jobledger.job_events WHERE job_id = '{job_id}'",
        f"DELETE FROM jobledger.jobs WHERE id = '{job_id}'",
    )

    assert len([what for _, what in await world.found() if "were left out" in what]) >= 1


async def test_a_job_cut_out_of_the_ticks_too_is_found(world: World) -> None:
    """With what comes after moved up, so that everything is dense again."""
    world.own(
        """UPDATE jobledger.ledger_ticks SET last_position = last_position - 1, job_ids = job_ids[2:],
            versions = versions[2:], hashes = substring(hashes FROM 33) WHERE first_position = 1""",
        """UPDATE jobledger.ledger_ticks SET first_position = first_position - 1,
            last_position = last_position - 1 WHERE first_position > 1""",
    )
    with pytest.raises(NotSealed, match="is not there"):
        await world.verdict()
    await resigned(world, SIGNER)

    told = [what for _, what in await world.found()]

    assert told[0].endswith("stands where 1 is due")
    assert told[-1].startswith("history was rewritten at or before position")


async def test_an_event_added_to_a_finished_job_is_found(world: World) -> None:
    """It is sealed like any other, and cannot have happened."""
    view = world.jobs[9]
    world.own(
        f"""INSERT INTO jobledger.job_events (recorded_at, job_id, command_id, version, schema_version, type,
            actor_kind, actor_id, code_version, facts)
        VALUES (now(), '{view.job.id}', gen_random_uuid(), 4, 1, 'JobFailed', 'user', 'u', '1',
            '{{"attempt":1,"cause":"failed"}}')"""
    )
    await world.seal()
    await world.sign()
    ((position, what),) = await world.found()

    assert position == await world.position(9, 4)
    assert "cannot happen to job" in what
    assert await differing(world, view.job.id) == ["version"]


async def test_an_event_smuggled_past_the_sealer_is_found(world: World) -> None:
    """Under a transaction of long ago, so that no tick takes it up: it is in no export, but in its stream."""
    view = world.jobs[9]
    world.own(
        f"""INSERT INTO jobledger.job_events (xid, recorded_at, job_id, command_id, version, schema_version,
            type, actor_kind, actor_id, code_version, facts)
        VALUES ('10', now(), '{view.job.id}', gen_random_uuid(), 4, 1, 'LateResultRejected', 'user', 'u', '1',
            '{{"attempt":1,"digest":"d","outcome":"Completed"}}')"""
    )
    await world.seal()

    assert await world.found() == []
    assert await differing(world, view.job.id) == ["version"]


async def differing(world: World, job_id: JobId) -> list[str]:
    return (await verify_jobs(world.ports.store, world.ports.views, job_ids=[job_id])).get(job_id, [])


async def test_events_in_another_order_are_found(world: World) -> None:
    """Two neighbours change places, with their hashes: every event is there, and is itself."""
    world.own(
        """UPDATE jobledger.ledger_ticks SET job_ids = ARRAY[job_ids[2], job_ids[1]] || job_ids[3:],
            versions = ARRAY[versions[2], versions[1]] || versions[3:],
            hashes = substring(hashes FROM 33 FOR 32) || substring(hashes FOR 32) || substring(hashes FROM 65)
        WHERE first_position = 1"""
    )
    told = [what for _, what in await world.found()]

    assert [what for what in told if "do not lead to the signed root" in what] != []
    assert [what for what in told if "history was rewritten at or before position" in what] != []


async def test_a_changed_leaf_hash_is_found(world: World) -> None:
    world.own(
        """UPDATE jobledger.ledger_ticks SET hashes = overlay(hashes PLACING '\\x00'::bytea FROM 5)
        WHERE first_position = 1"""
    )
    told = [what for _, what in await world.found()]

    assert [what for what in told if "is not the event that was sealed here" in what] != []
    assert [what for what in told if "do not lead to the signed root" in what] != []


async def test_a_changed_node_of_the_tree_is_found(world: World) -> None:
    """What was left out is represented by it."""
    world.own("UPDATE jobledger.ledger_nodes SET hash = sha256('another')")
    world.kept = world.kept._replace(size=0)
    ((_, what),) = await world.found(EventFilter(type="Nothing"))

    assert "do not lead to the signed root" in what


async def cut_the_tail(world: World) -> None:
    """Back to what it was before the auditor's checkpoint, as after a restore, and all of it consistent."""
    first = "(SELECT min(first_position) FROM jobledger.ledger_ticks)"
    world.own(
        """DELETE FROM jobledger.job_events AS e WHERE NOT EXISTS (
            SELECT FROM jobledger.ledger_ticks AS t CROSS JOIN LATERAL unnest(t.job_ids[:20], t.versions[:20])
                AS u (j, v) WHERE t.first_position = 1 AND u.j = e.job_id AND u.v = e.version)""",
        f"DELETE FROM jobledger.ledger_ticks WHERE first_position > {first}",
        """UPDATE jobledger.ledger_ticks SET last_position = 20, job_ids = job_ids[:20],
            versions = versions[:20], hashes = substring(hashes FOR 640)""",
        "DELETE FROM jobledger.ledger_checkpoints",
        "DELETE FROM jobledger.ledger_nodes",
    )


async def test_a_tail_that_was_cut_off_is_found(world: World) -> None:
    await cut_the_tail(world)
    await resigned(world, SIGNER)
    told = [what for _, what in await world.found()]

    assert told == [
        f"the ledger was rolled back: positions 21 to {world.kept.size} are gone since your checkpoint"
    ]


async def resigned(world: World, signer: Ed25519Signer) -> None:
    """Make tree and checkpoint anew of what the ticks say now."""
    leaves = await world.ports.sealing.leaf_hashes(after=0)
    frontier = Frontier()
    frontier.extend(leaves)
    world.own("DELETE FROM jobledger.ledger_checkpoints", "DELETE FROM jobledger.ledger_nodes")
    tree = await world.ports.sealing.newest_tree()
    assert tree is not None
    note = str(sign(Checkpoint(NAME, frontier.size, frontier.root()).body, [signer]))
    await world.ports.sealing.add_checkpoint(
        tree, size=frontier.size, note=note, roots=frontier.take_roots(), apart_seconds=0
    )


async def rewritten(world: World, job: int) -> None:
    """One event becomes another, with its leaf hash."""
    world.own(
        f"""UPDATE jobledger.job_events SET facts = '{canonical({"attempt": 1, "n": 9})}'
        WHERE {world.event(job, 3)}"""
    )
    position = await world.position(job, 3)
    (event,) = await world.ports.ledger.read(EVERYTHING, after=position - 1, limit=1)
    forged = hash_envelope(event.envelope).hex()
    world.own(
        f"""UPDATE jobledger.ledger_ticks SET hashes = overlay(hashes PLACING decode('{forged}', 'hex')
            FROM 32 * ({position} - first_position)::integer + 1)
        WHERE {position} BETWEEN first_position AND last_position"""
    )


async def test_a_history_rewritten_and_signed_with_another_key_is_found(world: World) -> None:
    await rewritten(world, 9)
    await resigned(world, Ed25519Signer(NAME, b"\5" * 32))
    told = [what for _, what in await world.found()]

    assert "by no key given" in told[0]


@pytest.mark.parametrize("job", [9, 45])
async def test_a_history_rewritten_by_who_has_the_key_is_found_by_a_checkpoint_kept_elsewhere(
    world: World, job: int
) -> None:
    await rewritten(world, job)
    await resigned(world, SIGNER)
    told = [what for _, what in await world.found()]

    assert told == [
        f"history was rewritten at or before position {world.kept.size}, where your checkpoint ends"
    ]


async def test_a_history_rewritten_after_the_last_checkpoint_kept_elsewhere_is_not(world: World) -> None:
    """What the page on audits calls not proven: nobody outside had seen it yet."""
    await rewritten(world, 60)
    await resigned(world, SIGNER)

    assert await world.found() == []


async def test_a_database_taken_back_and_gone_on_with_is_found_twice(world: World) -> None:
    """By the sealer, which begins a new tree, and by the auditor, whose checkpoint is of the old one."""
    await cut_the_tail(world)
    opened = await open_ledger(
        world.ports.sealing, world.ports.ledger, world.copies, name=NAME, provenance=provenance()
    )
    world.tree = opened.tree
    await submit(world.ports)
    await world.seal()
    await world.sign()
    told = [what for _, what in await world.found()]

    assert opened.restored == f"{NAME} was signed up to size {3 * JOBS}, and ends at 20 here"
    assert told[0].startswith(f"is of the ledger {NAME}/tree-2, your checkpoint of {NAME}")


def change_status(job_id: JobId) -> str:
    return f"UPDATE jobledger.jobs SET status = 'failed', is_rare = true WHERE id = '{job_id}'"


def change_version(job_id: JobId) -> str:
    return f"UPDATE jobledger.jobs SET version = version + 1 WHERE id = '{job_id}'"


def change_owner(job_id: JobId) -> str:
    return f"UPDATE jobledger.jobs SET user_id = 'thief' WHERE id = '{job_id}'"


def delete_row(job_id: JobId) -> str:
    return f"DELETE FROM jobledger.jobs WHERE id = '{job_id}'"


@pytest.mark.parametrize(
    ("tamper", "fields"),
    [
        (change_status, "status"),
        (change_version, "version"),
        (change_owner, "user_id"),
        (delete_row, "existence"),
    ],
)
async def test_a_changed_read_model_is_found(
    world: World, tamper: Callable[[JobId], str], fields: str
) -> None:
    job_id = world.jobs[9].job.id
    before = await differing(world, job_id)
    world.own(tamper(job_id))

    assert before == []
    assert fields in await differing(world, job_id)


async def test_what_was_erased_by_the_door_holds_with_its_proofs(world: World) -> None:
    view = world.jobs[9]
    before = await prove_inclusion(world.ports.ledger, position=await world.position(9, 1))
    await append(world.ports, view, decisions.erase(view.job, basis="asked for"))
    await world.seal()
    await world.sign()
    after = await prove_inclusion(world.ports.ledger, position=await world.position(9, 1))
    verdict = await world.verdict()

    assert verdict.findings == []
    assert verdict.erased == 2
    assert after.index == before.index
    assert await differing(world, view.job.id) == []


async def test_the_door_opens_for_an_erasure_on_record_alone(world: World) -> None:
    for statement in (
        f"SELECT jobledger.erase_payloads('{world.jobs[9].job.id}', 3)",
        f"UPDATE jobledger.job_events SET payload = '{{}}' WHERE {world.event(9, 1)}",
        f"UPDATE jobledger.job_events SET payload = NULL, salt = NULL, type = '' WHERE {world.event(9, 1)}",
        f"DELETE FROM jobledger.job_events WHERE {world.event(9, 1)}",
        "TRUNCATE jobledger.ledger_ticks",
        "UPDATE jobledger.ledger_checkpoints SET note = ''",
        "DELETE FROM jobledger.ledger_nodes",
    ):
        with (
            psycopg.connect(world.ports.owner_url, autocommit=True) as owner,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            owner.execute(statement)


async def test_jobs_in_every_state_refold(world: World) -> None:
    await cancel(world.ports, await submit(world.ports))
    await fail(world.ports, await start(world.ports, await submit(world.ports)))
    await cancel(world.ports, await start(world.ports, await submit(world.ports)))
    await world.seal()
    await world.sign()

    assert await world.found() == []
