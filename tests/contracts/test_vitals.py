"""What operators watch: it tells what waits, since when, and what nobody has come to."""

from domain.audit import RecoverySwept
from domain.events import ActorKind
from tests.builders import provenance
from tests.contracts.acts import submit
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
