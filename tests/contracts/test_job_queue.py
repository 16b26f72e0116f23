"""What every job queue promises."""

import json

from domain import decisions
from domain.identifiers import MessageId
from domain.ports.job_queue import Extended, HeldLease
from tests.builders import new_id
from tests.contracts.acts import append, start, submit
from tests.fakes.ports import Ports


async def queued(ports: Ports, count: int = 1) -> None:
    for _ in range(count):
        await submit(ports)
    await ports.outbox.relay(limit=count, max_visible=1000)


async def test_a_delivery_brings_its_job_along(ports: Ports) -> None:
    view = await submit(ports, job_parameters={"steps": 2})
    await ports.outbox.relay(limit=1, max_visible=1)
    (delivery,) = await ports.queue.receive(limit=1, lease_seconds=5)

    assert (delivery.job_id, delivery.view, delivery.read_ct) == (view.job.id, view, 1)


async def test_a_message_says_what_it_is_about(ports: Ports) -> None:
    view = await submit(ports, job_parameters={"steps": 2})
    await ports.outbox.relay(limit=1, max_visible=1)
    (delivery,) = await ports.queue.receive(limit=1, lease_seconds=5)

    assert json.loads(delivery.body) == {
        "job_id": view.job.id,
        "job_type": "sample_task",
        "user_id": "user-1",
        "group_key": None,
        "version": 1,
        "job_parameters": {"steps": 2},
    }


async def test_parameters_that_are_too_large_for_a_message_stay_behind(ports: Ports) -> None:
    view = await submit(ports, job_parameters={"text": "x" * 5000})
    await ports.outbox.relay(limit=1, max_visible=1)
    (delivery,) = await ports.queue.receive(limit=1, lease_seconds=5)

    assert json.loads(delivery.body)["job_parameters"] is None
    assert delivery.view == view


async def test_a_message_is_delivered_to_one_at_a_time(ports: Ports) -> None:
    await queued(ports, 3)
    first = await ports.queue.receive(limit=2, lease_seconds=5)
    second = await ports.queue.receive(limit=2, lease_seconds=5)

    assert (len(first), len(second)) == (2, 1)
    assert first[0].msg_id < first[1].msg_id < second[0].msg_id


async def test_a_lapsed_lease_brings_the_message_again(ports: Ports) -> None:
    await queued(ports)
    (first,) = await ports.queue.receive(limit=1, lease_seconds=5)
    await ports.advance(6)
    (again,) = await ports.queue.receive(limit=1, lease_seconds=5)

    assert (again.msg_id, again.read_ct) == (first.msg_id, 2)


async def test_an_extended_lease_lasts(ports: Ports) -> None:
    await queued(ports)
    (delivery,) = await ports.queue.receive(limit=1, lease_seconds=5)
    held = HeldLease(delivery.msg_id, delivery.read_ct)
    await ports.advance(4)
    extended = await ports.queue.extend([held], lease_seconds=5)
    await ports.advance(4)

    assert extended == [Extended(held, is_cancelling=False)]
    assert await ports.queue.receive(limit=1, lease_seconds=5) == []


async def test_who_lost_a_lease_cannot_lengthen_its_successors(ports: Ports) -> None:
    await queued(ports)
    (first,) = await ports.queue.receive(limit=1, lease_seconds=5)
    await ports.advance(6)
    (second,) = await ports.queue.receive(limit=1, lease_seconds=5)
    stale = await ports.queue.extend([HeldLease(first.msg_id, first.read_ct)], lease_seconds=600)
    await ports.advance(6)
    (third,) = await ports.queue.receive(limit=1, lease_seconds=5)

    assert stale == []
    assert (second.read_ct, third.read_ct) == (2, 3)


async def test_who_slept_over_a_leases_end_cannot_delete_its_successors_message(ports: Ports) -> None:
    await queued(ports)
    (first,) = await ports.queue.receive(limit=1, lease_seconds=5)
    await ports.advance(6)
    (second,) = await ports.queue.receive(limit=1, lease_seconds=5)
    await ports.queue.delete([first.lease])

    assert len(await ports.queue.extend([second.lease], lease_seconds=5)) == 1


async def test_a_deleted_message_has_no_lease(ports: Ports) -> None:
    await queued(ports, 2)
    first, second = await ports.queue.receive(limit=2, lease_seconds=5)
    await ports.queue.delete([first.lease])
    held = [HeldLease(first.msg_id, 1), HeldLease(second.msg_id, 1)]

    assert [item.lease for item in await ports.queue.extend(held, lease_seconds=5)] == held[1:]


async def test_a_heartbeat_learns_that_its_job_was_asked_to_stop(ports: Ports) -> None:
    view = await submit(ports)
    await ports.outbox.relay(limit=1, max_visible=1)
    (delivery,) = await ports.queue.receive(limit=1, lease_seconds=5)
    view = await start(ports, view)
    await append(ports, view, decisions.cancel(view.job, reason="enough"))
    held = HeldLease(delivery.msg_id, delivery.read_ct)

    assert await ports.queue.extend([held], lease_seconds=5) == [Extended(held, is_cancelling=True)]


async def test_messages_that_cannot_be_parsed_are_delivered_as_such(ports: Ports) -> None:
    bodies = ["17", '"text"', "[]", "{}", '{"job_id": 7}', '{"job_id": "not-an-id"}', "null"]
    for body in bodies:
        await ports.put_message(body)
    unknown = new_id()
    await ports.put_message(json.dumps({"job_id": unknown}))
    deliveries = await ports.queue.receive(limit=100, lease_seconds=5)

    assert [delivery.job_id for delivery in deliveries] == [*[None] * len(bodies), unknown]
    assert [delivery.view for delivery in deliveries] == [None] * len(deliveries)


async def test_a_parked_message_never_comes_again(ports: Ports) -> None:
    await ports.put_message('"garbage"')
    (delivery,) = await ports.queue.receive(limit=1, lease_seconds=5)
    await ports.queue.park(delivery, error="it names no job")
    await ports.advance(60)

    assert await ports.queue.receive(limit=1, lease_seconds=5) == []


async def test_what_was_set_apart_comes_only_to_who_asks_for_it(ports: Ports) -> None:
    await queued(ports, 4)
    first, second, third = await ports.queue.receive(limit=3, lease_seconds=60)
    await ports.queue.set_apart({first.lease: 2, second.lease: 0})

    assert await ports.queue.isolated_waiting() == 2
    assert len(await ports.queue.receive(limit=9, lease_seconds=60)) == 1
    (alone,) = await ports.queue.receive(limit=9, lease_seconds=60, chances_left=0)
    assert (alone.lease, alone.view) == (HeldLease(second.msg_id, 2), second.view)
    (again,) = await ports.queue.receive(limit=9, lease_seconds=5, chances_left=2)
    assert again.msg_id == first.msg_id
    assert await ports.queue.isolated_waiting() is None
    await ports.advance(6)
    assert await ports.queue.isolated_waiting() == 2
    assert [item.lease for item in await ports.queue.extend([third.lease], lease_seconds=5)] == [third.lease]


async def test_who_lost_a_lease_cannot_set_its_message_apart(ports: Ports) -> None:
    await queued(ports)
    (first,) = await ports.queue.receive(limit=1, lease_seconds=5)
    await ports.advance(6)
    await ports.queue.receive(limit=1, lease_seconds=60)
    await ports.queue.set_apart({first.lease: 0})

    assert await ports.queue.isolated_waiting() is None


async def test_what_was_set_apart_does_not_hold_the_relay_back(ports: Ports) -> None:
    await queued(ports, 3)
    deliveries = await ports.queue.receive(limit=3, lease_seconds=60)
    await ports.queue.set_apart({delivery.lease: 2 for delivery in deliveries})
    await submit(ports)

    assert (await ports.outbox.relay(limit=9, max_visible=1)).moved == 1


async def test_nothing_to_do_is_nothing_wrong(ports: Ports) -> None:
    assert await ports.queue.receive(limit=10, lease_seconds=5) == []
    assert await ports.queue.extend([], lease_seconds=5) == []
    assert await ports.queue.isolated_waiting() is None
    await ports.queue.delete([HeldLease(MessageId(12345), 1)])
