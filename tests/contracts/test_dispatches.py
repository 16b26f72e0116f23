"""What every way to remote compute promises."""

from typing import Any

from domain.claims import Claimer
from domain.identifiers import MessageId, WorkerId
from domain.ports.job_queue import Delivery, HeldLease
from domain.views import JobView
from tests.builders import new_id
from tests.contracts.acts import cancel, fail, start, submit
from tests.fakes.ports import Ports

CLAIM_SECONDS = 60


async def submit_remote(ports: Ports, **asked: Any) -> JobView:
    return await submit(ports, job_type="remote_task", **asked)


async def hand_over(ports: Ports, limit: int = 100, max_unclaimed: int = 100, **rest: Any) -> list[Delivery]:
    return await ports.dispatches.hand_over(
        compute="modal", limit=limit, max_unclaimed=max_unclaimed, claim_seconds=CLAIM_SECONDS, **rest
    )


def jobs_of(deliveries: list[Delivery]) -> list[str | None]:
    return [delivery.job_id for delivery in deliveries]


async def received(ports: Ports) -> list[str | None]:
    """What a local worker gets."""
    await ports.outbox.relay(limit=100, max_visible=100)
    claimed = await ports.queue.start_waiting(
        limit=100,
        lease_seconds=5,
        claimer=Claimer(WorkerId("worker-1"), "local"),
        command_id=new_id(),
    )
    return [view.job.id for view in claimed.started] + jobs_of(claimed.others)


async def test_each_compute_gets_its_own_jobs_only(ports: Ports) -> None:
    here = await submit(ports)
    there = await submit_remote(ports)
    handed = await hand_over(ports)

    assert await received(ports) == [here.job.id]
    assert jobs_of(handed) == [there.job.id]


async def test_what_is_handed_over_brings_its_job_along(ports: Ports) -> None:
    view = await submit_remote(ports, job_parameters={"steps": 2})
    (delivery,) = await hand_over(ports)

    assert (delivery.view, delivery.read_ct) == (view, 0)


async def test_the_highest_priority_is_handed_over_first(ports: Ports) -> None:
    low, high, middle = [await submit_remote(ports, priority=priority) for priority in (1, 9, 5)]
    first = await hand_over(ports, limit=2)
    second = await hand_over(ports, limit=2)

    assert jobs_of(first) == [high.job.id, middle.job.id]
    assert jobs_of(second) == [low.job.id]


async def test_no_more_are_handed_over_than_may_wait_for_their_claim(ports: Ports) -> None:
    for _ in range(5):
        await submit_remote(ports)
    first = await hand_over(ports, max_unclaimed=2)
    nothing = await hand_over(ports, max_unclaimed=2)
    await ports.dispatches.take(first[0].lease, lease_seconds=5)
    one_more = await hand_over(ports, max_unclaimed=2)

    assert [len(first), len(nothing), len(one_more)] == [2, 0, 1]


async def test_what_waits_for_remote_compute_does_not_hold_up_local_jobs(ports: Ports) -> None:
    for _ in range(3):
        await submit_remote(ports, priority=9)
    await hand_over(ports, limit=1)
    await ports.advance(CLAIM_SECONDS + 1)
    here = await submit(ports)
    report = await ports.outbox.relay(limit=1, max_visible=1)

    assert (report.moved, report.next_due_at) == (1, None)
    assert await received(ports) == [here.job.id]


async def test_a_message_that_was_handed_over_never_comes_to_a_local_worker(ports: Ports) -> None:
    await submit_remote(ports)
    await hand_over(ports)
    await ports.advance(CLAIM_SECONDS + 1)

    assert await received(ports) == []
    assert await ports.queue.receive(limit=10, lease_seconds=5) == []


async def test_one_call_alone_takes_a_message(ports: Ports) -> None:
    view = await submit_remote(ports)
    (delivery,) = await hand_over(ports)
    taken = await ports.dispatches.take(delivery.lease, lease_seconds=5)
    again = await ports.dispatches.take(delivery.lease, lease_seconds=5)

    assert taken is not None
    assert (taken.job_id, taken.read_ct, taken.view) == (view.job.id, 1, view)
    assert again is None


async def test_a_message_that_is_gone_cannot_be_taken(ports: Ports) -> None:
    assert await ports.dispatches.take(HeldLease(MessageId(12345), 0), lease_seconds=5) is None


async def test_a_taken_message_is_a_lease(ports: Ports) -> None:
    await submit_remote(ports)
    (delivery,) = await hand_over(ports)
    taken = await ports.dispatches.take(delivery.lease, lease_seconds=5)
    assert taken is not None
    extended = await ports.queue.extend([taken.lease, delivery.lease], lease_seconds=5)

    assert [answer.lease for answer in extended] == [taken.lease]


async def test_nothing_is_held_before_its_time_is_up(ports: Ports) -> None:
    await submit_remote(ports)
    await hand_over(ports)

    assert await ports.dispatches.hold_lapsed(limit=10, hold_seconds=60) == []


async def test_what_lapsed_is_held_by_one_and_keeps_its_fence(ports: Ports) -> None:
    view = await submit_remote(ports)
    (delivery,) = await hand_over(ports)
    await ports.advance(CLAIM_SECONDS + 1)
    held = await ports.dispatches.hold_lapsed(limit=10, hold_seconds=60)
    again = await ports.dispatches.hold_lapsed(limit=10, hold_seconds=60)

    assert [(item.lease, item.job_id) for item in held] == [(delivery.lease, view.job.id)]
    assert again == []
    assert await ports.dispatches.take(delivery.lease, lease_seconds=5) is not None


async def test_an_ordinary_message_is_never_held(ports: Ports) -> None:
    await submit(ports)
    await ports.outbox.relay(limit=1, max_visible=1)

    assert await ports.dispatches.hold_lapsed(limit=10, hold_seconds=60) == []


async def test_a_job_is_found_by_a_call_that_was_told_no_message(ports: Ports) -> None:
    view = await submit_remote(ports)
    before = await ports.dispatches.find_unclaimed(view.job.id)
    (delivery,) = await hand_over(ports, max_unclaimed=0, only=view.job.id)
    found = await ports.dispatches.find_unclaimed(view.job.id)
    await ports.dispatches.take(delivery.lease, lease_seconds=5)

    assert before is None
    assert found == delivery.lease
    assert await ports.dispatches.find_unclaimed(view.job.id) is None


async def test_one_job_is_handed_over_alone(ports: Ports) -> None:
    await submit_remote(ports, priority=9)
    asked = await submit_remote(ports)

    assert jobs_of(await hand_over(ports, only=asked.job.id)) == [asked.job.id]


async def test_what_lapsed_can_be_brought_home_to_local_workers(ports: Ports) -> None:
    lapsed = await submit_remote(ports)
    await hand_over(ports)
    await ports.advance(CLAIM_SECONDS + 1)
    await submit_remote(ports)
    await hand_over(ports)
    await ports.dispatches.bring_home()

    assert await received(ports) == [lapsed.job.id]


async def test_a_cancelled_remote_job_leaves_the_outbox(ports: Ports) -> None:
    await cancel(ports, await submit_remote(ports))

    assert await hand_over(ports) == []


async def test_the_next_attempt_of_a_remote_job_is_handed_over_too(ports: Ports) -> None:
    view = await submit_remote(ports)
    await hand_over(ports)
    view = await fail(ports, await start(ports, view))
    await ports.advance(3600)

    assert jobs_of(await hand_over(ports)) == [view.job.id]


async def test_what_waits_for_remote_compute_is_no_orphan(ports: Ports) -> None:
    await submit_remote(ports)
    await ports.advance(3600)
    waiting = await ports.recovery.suspects(after=None, limit=10, silent_for_seconds=60)
    await hand_over(ports)
    handed = await ports.recovery.suspects(after=None, limit=10, silent_for_seconds=60)

    assert (waiting.suspects, handed.suspects) == ([], [])
