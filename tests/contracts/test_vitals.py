"""What operators watch: it tells what waits, since when, and what nobody has come to."""

from domain import limits
from domain.audit import RecoverySwept
from domain.events import ActorKind
from domain.identifiers import UserId
from domain.ports.vitals import Held
from tests.builders import provenance
from tests.contracts.acts import submit
from tests.contracts.test_limits import pause, set_limit
from tests.fakes.ports import Ports

SWEEP = RecoverySwept(
    scanned=1, silent_for_seconds=900, acted_count=0, skipped_count=0, months_made=0, acted=(), skipped=()
)


async def count_everything(ports: Ports) -> None:
    while await ports.statistics.advance(limit=1000):
        pass


async def test_an_idle_service_has_nothing_that_waits(ports: Ports) -> None:
    vitals = await ports.vitals.read()

    assert (vitals.oldest_message_at, vitals.due, vitals.parked) == (None, 0, 0)
    assert (vitals.oldest_uncounted_at, vitals.last_sweep_at) == (None, None)
    assert vitals.months_ahead == 3


async def test_due_entries_are_those_that_the_relay_has_not_moved(ports: Ports) -> None:
    for _ in range(3):
        await submit(ports)
    before = await ports.vitals.read()
    await ports.outbox.relay(limit=2, max_visible=10)
    after = await ports.vitals.read()

    assert (before.due, before.oldest_message_at) == (3, None)
    assert after.due == 1
    assert after.oldest_message_at is not None


async def test_what_is_held_is_told_apart_from_what_the_relay_owes(ports: Ports) -> None:
    before = await ports.vitals.read()
    await set_limit(ports, limits.user(UserId("user-1")), concurrency=1)
    await pause(ports, "other_task")
    first, *_ = [await submit(ports) for _ in range(4)]
    paused = await submit(ports, job_type="other_task", user_id=UserId("user-2"))
    await submit(ports, user_id=UserId("user-2"), priority=9)
    await submit(ports, user_id=UserId("user-3"), job_type="remote_task")
    with_room = await ports.vitals.read()
    await ports.outbox.relay(limit=10, max_visible=10)
    without = await ports.vitals.read()

    assert (before.held, before.workable) == (None, 0)
    assert with_room.held == Held(1, 1, paused.job.due_at, 5, first.job.due_at)
    assert without.held
    # Of the first user one went, and three are held; what goes to remote compute is no worker's here.
    assert (without.held.jobs, without.held.free, without.workable, without.due) == (4, 0, 0, 4)
    assert without.held.oldest_free_at is not None


async def test_a_message_that_waits_is_seen_by_its_age_and_a_leased_one_is_not(ports: Ports) -> None:
    await submit(ports)
    await ports.outbox.relay(limit=1, max_visible=10)
    await ports.advance(60)
    waiting = await ports.vitals.read()
    await ports.queue.receive(limit=1, lease_seconds=30)
    leased = await ports.vitals.read()

    assert waiting.oldest_message_at is not None
    assert (waiting.read_at - waiting.oldest_message_at).total_seconds() >= 60
    assert leased.oldest_message_at is None


async def test_events_are_uncounted_until_statistics_have_come_to_them(ports: Ports) -> None:
    view = await submit(ports)
    before = await ports.vitals.read()
    await count_everything(ports)
    after = await ports.vitals.read()

    assert before.oldest_uncounted_at == view.created_at
    assert after.oldest_uncounted_at is None


async def test_the_last_sweep_is_known_once_it_was_counted(ports: Ports) -> None:
    await ports.audit.record(SWEEP, provenance(ActorKind.RECOVERY, "sweep"))
    await count_everything(ports)

    assert (await ports.vitals.read()).last_sweep_at is not None


async def test_what_can_never_be_worked_is_counted_as_parked(ports: Ports) -> None:
    await ports.put_message("{}")
    (delivery,) = await ports.queue.receive(limit=1, lease_seconds=30)
    await ports.queue.park(delivery, error="The message names no job.")

    assert (await ports.vitals.read()).parked == 1
