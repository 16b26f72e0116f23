"""What limits, pauses and fair shares promise, and what keeping them does."""

import asyncio
from datetime import timedelta
from typing import Any

from domain import decisions, limits
from domain.events import Cause, JobError
from domain.identifiers import JobId, UserId, WorkerId
from domain.job import Lease
from domain.lifecycle import Status
from domain.limits import Limit, LimitSet, QueuePaused, QueueResumed, Rate, Scope
from domain.ports.job_queue import Delivery
from domain.retries import RetryPolicy
from domain.views import JobView
from tests.builders import provenance
from tests.contracts.acts import append, cancel, current, start, submit
from tests.fakes.ports import Ports

ME, OTHER = UserId("user-1"), UserId("user-2")


async def set_limit(ports: Ports, scope: Scope, **values: Any) -> Limit:
    before = await ports.limits.get(scope) or Limit(scope)
    after = Limit(scope, before.version + 1, **values)
    rate = after.rate
    event = LimitSet(
        kind=scope.kind.value,
        user_id=scope.user_id,
        group_key=scope.name or None,
        version=after.version,
        concurrency=after.concurrency,
        starts=rate.starts if rate else None,
        per_seconds=rate.per_seconds if rate else None,
        burst=rate.burst if rate else None,
        weight=after.weight,
        reason="asked to",
    )
    assert await ports.limits.append(after, event, provenance())
    return after


async def pause(ports: Ports, name: str) -> bool:
    before = await ports.limits.get(limits.queue(name)) or Limit(limits.queue(name))
    after = before._replace(is_paused=True, version=before.version + 1)
    event = QueuePaused(queue=name, version=after.version, reason="broken")
    return await ports.limits.append(after, event, provenance())


async def resume(ports: Ports, name: str) -> bool:
    before = await ports.limits.get(limits.queue(name))
    assert before
    after = before._replace(is_paused=False, version=before.version + 1)
    event = QueueResumed(queue=name, version=after.version, reason="mended")
    return await ports.limits.append(after, event, provenance())


async def submitted(ports: Ports, count: int, **asked: Any) -> list[JobView]:
    return [await submit(ports, **asked) for _ in range(count)]


async def relayed(ports: Ports, *, limit: int = 100, **rest: Any) -> list[JobId]:
    """The jobs that relay steps bring to the queue until one brings none, in the queue's order."""
    while (await ports.outbox.relay(limit=limit, max_visible=1000, **rest)).moved:
        pass
    deliveries = await ports.queue.receive(limit=1000, lease_seconds=600)
    return [delivery.job_id for delivery in deliveries if delivery.job_id]


def ids(views: list[JobView]) -> list[JobId]:
    return [view.job.id for view in views]


async def ended(ports: Ports, count: int = 1) -> None:
    """So many attempts end: their messages are gone."""
    await ports.advance(700)
    deliveries = await ports.queue.receive(limit=count, lease_seconds=600)
    await ports.queue.delete([delivery.lease for delivery in deliveries])


async def test_a_limit_comes_back_as_it_was_set(ports: Ports) -> None:
    scope = limits.group(ME, "customer-9")
    made = await set_limit(ports, scope, concurrency=3, rate=Rate(10, 60, 5), weight=2)

    assert await ports.limits.get(scope) == made
    assert await ports.limits.get(limits.user(ME)) is None
    assert await ports.limits.active() == [made]


async def test_of_two_who_change_one_version_one_loses_and_leaves_no_event(ports: Ports) -> None:
    made = await set_limit(ports, limits.user(ME), concurrency=3)
    event = LimitSet(
        kind="user", user_id=ME, version=1, concurrency=4, starts=None, per_seconds=None, burst=None,
        weight=None,
    )  # fmt: skip

    assert not await ports.limits.append(made._replace(concurrency=4), event, provenance())
    assert await ports.limits.get(limits.user(ME)) == made
    assert [record.version for record in await ports.limits.history(limits.user(ME))] == [1]


async def test_a_queues_history_says_who_paused_and_resumed_it_and_why(ports: Ports) -> None:
    await pause(ports, "sample_task")
    await resume(ports, "sample_task")
    first, second = await ports.limits.history(limits.queue("sample_task"))

    assert (first.type, first.said["reason"], first.actor.id) == ("QueuePaused", "broken", "user-1")
    assert (second.type, second.said["reason"], second.version) == ("QueueResumed", "mended", 2)


async def test_of_what_is_set_the_last_event_says_who_set_it_and_why(ports: Ports) -> None:
    await pause(ports, "sample_task")
    await pause(ports, "other_task")
    await resume(ports, "other_task")
    await set_limit(ports, limits.group(ME, "red"), concurrency=3)
    await set_limit(ports, limits.group(ME, "red"), concurrency=4)
    found = await ports.limits.active_records()

    assert {scope: record.version for scope, record in found.items()} == {
        limits.queue("sample_task"): 1, limits.group(ME, "red"): 2,
    }  # fmt: skip
    of_queue, of_group = found[limits.queue("sample_task")], found[limits.group(ME, "red")]
    assert (of_queue.type, of_queue.said["reason"], of_queue.actor.id) == ("QueuePaused", "broken", ME)
    assert (of_group.said["group_key"], of_group.said["concurrency"]) == ("red", 4)


async def test_nothing_of_a_paused_queue_is_relayed_until_it_is_resumed(ports: Ports) -> None:
    mine = await submitted(ports, 2)
    await pause(ports, "sample_task")
    later = await submitted(ports, 1, priority=9)
    other = await submitted(ports, 1, job_type="other_task")
    while_paused = await relayed(ports)
    await resume(ports, "sample_task")

    assert while_paused == ids(other)
    assert await relayed(ports) == ids([*later, *mine])


async def test_a_paused_queue_says_that_something_is_held(ports: Ports) -> None:
    await submit(ports)
    await pause(ports, "sample_task")
    report = await ports.outbox.relay(limit=10, max_visible=10)

    assert (report.moved, report.is_limited, report.is_held_back) == (0, True, False)


async def test_no_more_of_a_user_fly_than_its_limit_says(ports: Ports) -> None:
    await set_limit(ports, limits.user(ME), concurrency=2)
    mine = await submitted(ports, 5)
    others = await submitted(ports, 3, user_id=OTHER)
    first = await relayed(ports)
    await ended(ports)
    await ports.outbox.relay(limit=100, max_visible=1000)

    assert set(first) == {*ids(mine)[:2], *ids(others)}
    assert set(await relayed(ports)) <= {*ids(mine)[:3], *ids(others)}


async def test_what_ended_makes_room_for_as_many(ports: Ports) -> None:
    await set_limit(ports, limits.user(ME), concurrency=2)
    await submitted(ports, 5)
    moved = []
    for _ in range(4):
        moved.append((await ports.outbox.relay(limit=100, max_visible=1000)).moved)
        await ended(ports, 2)

    assert moved == [2, 2, 1, 0]


async def test_a_limit_for_everybody_holds_for_each_who_has_none_of_their_own(ports: Ports) -> None:
    await set_limit(ports, limits.user(limits.EVERY), concurrency=1)
    await set_limit(ports, limits.user(OTHER), concurrency=3)
    mine = await submitted(ports, 4)
    others = await submitted(ports, 4, user_id=OTHER)

    assert set(await relayed(ports)) == {*ids(mine)[:1], *ids(others)[:3]}


async def test_a_group_has_a_limit_within_its_user(ports: Ports) -> None:
    await set_limit(ports, limits.group(ME, limits.EVERY), concurrency=1)
    await set_limit(ports, limits.group(ME, "big"), concurrency=2)
    await set_limit(ports, limits.user(ME), concurrency=5)
    small = await submitted(ports, 3, group_key="small")
    big = await submitted(ports, 3, group_key="big")
    none = await submitted(ports, 4)

    assert set(await relayed(ports)) == {*ids(small)[:1], *ids(big)[:2], *ids(none)[:2]}


async def test_a_rate_lets_a_burst_go_and_then_one_at_a_time(ports: Ports) -> None:
    await set_limit(ports, limits.user(ME), rate=Rate(1, 3600, 2))
    mine = await submitted(ports, 5)
    first = await relayed(ports)

    assert first == ids(mine)[:2]
    assert await relayed(ports) == []


async def test_a_limit_holds_for_what_was_submitted_before_it(ports: Ports) -> None:
    mine = await submitted(ports, 5)
    await set_limit(ports, limits.user(ME), concurrency=2)

    assert set(await relayed(ports)) == set(ids(mine)[:2])


async def test_a_limit_that_is_removed_lets_everything_go(ports: Ports) -> None:
    await set_limit(ports, limits.user(ME), concurrency=0)
    mine = await submitted(ports, 3)
    held = await relayed(ports)
    await set_limit(ports, limits.user(ME))

    assert held == []
    assert await relayed(ports) == ids(mine)


async def test_who_has_least_under_way_goes_first_whoever_came_first(ports: Ports) -> None:
    await set_limit(ports, limits.user(limits.EVERY), weight=1)
    flood = await submitted(ports, 6, priority=9)
    quiet = await submitted(ports, 2, user_id=OTHER)

    assert await relayed(ports, limit=4) == [
        flood[0].job.id, quiet[0].job.id, flood[1].job.id, quiet[1].job.id, *ids(flood)[2:],
    ]  # fmt: skip


async def test_weights_say_how_much_of_a_backlog_each_has_under_way(ports: Ports) -> None:
    await set_limit(ports, limits.user(OTHER), weight=3)
    mine, others = await submitted(ports, 8), await submitted(ports, 8, user_id=OTHER)
    await ports.outbox.relay(limit=8, max_visible=1000)
    deliveries = await ports.queue.receive(limit=100, lease_seconds=600)
    gone = {delivery.job_id for delivery in deliveries}

    assert (len(gone & {*ids(mine)}), len(gone & {*ids(others)})) == (2, 6)


async def test_groups_of_one_user_share_what_the_user_has(ports: Ports) -> None:
    await set_limit(ports, limits.user(ME), concurrency=4)
    flood = await submitted(ports, 6, group_key="a")
    quiet = await submitted(ports, 2, group_key="b")

    assert set(await relayed(ports)) == {*ids(flood)[:2], *ids(quiet)}


async def test_a_held_job_is_cancelled_at_once_and_leaves_nothing_behind(ports: Ports) -> None:
    await pause(ports, "sample_task")
    await cancel(ports, await submit(ports))
    await resume(ports, "sample_task")
    report = await ports.outbox.relay(limit=10, max_visible=10)

    assert (report.moved, report.next_due_at, report.is_limited) == (0, None, False)


async def test_a_held_job_is_no_orphan(ports: Ports) -> None:
    await pause(ports, "sample_task")
    await submit(ports)
    await ports.advance(3600)
    await ports.outbox.relay(limit=10, max_visible=10)
    page = await ports.recovery.suspects(after=None, silent_for_seconds=60, limit=10)

    assert page.suspects == []


async def test_relays_side_by_side_never_go_past_a_limit(ports: Ports) -> None:
    await set_limit(ports, limits.user(ME), concurrency=7)
    await submitted(ports, 30)
    reports = await asyncio.gather(*(ports.outbox.relay(limit=3, max_visible=1000) for _ in range(12)))

    assert sum(report.moved for report in reports) == 7


async def test_what_runs_remotely_counts_against_the_same_limit(ports: Ports) -> None:
    await set_limit(ports, limits.user(ME), concurrency=3)
    remote = await submitted(ports, 2, job_type="remote_task")
    await submitted(ports, 4)
    await submitted(ports, 4, job_type="remote_task")
    handed = await hand_over(ports, limit=2)
    report = await ports.outbox.relay(limit=10, max_visible=1000)

    assert (handed, report.moved) == (ids(remote), 1)
    assert await hand_over(ports, limit=2) == []


async def test_nothing_of_a_paused_queue_is_handed_over_even_by_name(ports: Ports) -> None:
    view = await submit(ports, job_type="remote_task")
    await pause(ports, "remote_task")

    assert await hand_over(ports, limit=2) == []
    assert await hand_over(ports, limit=1, only=view.job.id) == []


async def hand_over(ports: Ports, *, limit: int, only: JobId | None = None) -> list[JobId]:
    handed = await ports.dispatches.hand_over(
        compute="modal", limit=limit, max_unclaimed=100, claim_seconds=600, only=only
    )
    return [delivery.job_id for delivery in handed if delivery.job_id]


async def test_a_low_priority_that_waited_goes_before_higher_ones_that_came_much_later(ports: Ports) -> None:
    old = await submit(ports, priority=0)
    await ports.advance(9 * 60 + 1)
    new = await submitted(ports, 2, priority=9)

    assert await relayed(ports, limit=1) == [old.job.id, *ids(new)]
    assert await relayed(ports, aging=timedelta(minutes=2)) == []


async def test_a_retry_gives_its_place_back_once_and_waits_for_one_when_it_is_due(ports: Ports) -> None:
    await set_limit(ports, limits.user(ME), concurrency=1)
    first, second, third = await submitted(ports, 3)
    running = await run_next(ports)
    failed = await give_up(ports, running, fails=True)
    while_it_waits = await run_next(ports)
    await ports.advance(300)
    when_it_is_due = await relayed(ports)
    await give_up(ports, while_it_waits, fails=False)

    assert (running.job_id, while_it_waits.job_id) == (first.job.id, second.job.id)
    assert failed.job.status is Status.RETRYING
    assert when_it_is_due == []
    # One place came back, not two, for who is due longest.
    assert await relayed(ports) == [third.job.id]


async def test_an_attempt_that_died_takes_its_place_until_it_is_given_up(ports: Ports) -> None:
    await set_limit(ports, limits.user(ME), concurrency=1)
    first, second = await submitted(ports, 2)
    dead = await run_next(ports)
    await ports.advance(700)
    while_nobody_knows = (await ports.outbox.relay(limit=10, max_visible=10)).moved
    await give_up(ports, dead, fails=False)

    assert (dead.job_id, while_nobody_knows) == (first.job.id, 0)
    assert await relayed(ports) == [second.job.id]


async def run_next(ports: Ports) -> Delivery:
    """Let go what may go, which is one, and start it."""
    await ports.outbox.relay(limit=10, max_visible=10)
    (delivery,) = await ports.queue.receive(limit=10, lease_seconds=600)
    assert delivery.view
    await start(ports, delivery.view, Lease(WorkerId("worker-1"), delivery.msg_id, delivery.read_ct))
    return delivery


async def give_up(ports: Ports, delivery: Delivery, *, fails: bool) -> JobView:
    """The attempt failed or was lost; the next one is due in some minutes, and its message is gone."""
    assert delivery.job_id
    view = await current(ports, delivery.job_id)
    policy = RetryPolicy(first_delay_seconds=200, max_delay_seconds=200)
    at = view.updated_at
    error = JobError(type="ValueError", message="no", retryable=True)
    event = (
        decisions.fail(view.job, error=error, cause=Cause.FAILED, policy=policy, chance=1.0, at=at)
        if fails
        else decisions.lose(view.job, cause=Cause.CRASHED, policy=policy, chance=1.0, at=at)
    )
    return await append(ports, view, event, settles=delivery.msg_id)


async def test_what_was_set_apart_does_not_hold_a_limiting_relay_back(ports: Ports) -> None:
    await set_limit(ports, limits.user(OTHER), concurrency=1)
    await submitted(ports, 3)
    await ports.outbox.relay(limit=9, max_visible=9)
    deliveries = await ports.queue.receive(limit=3, lease_seconds=60)
    await ports.queue.set_apart({delivery.lease: 2 for delivery in deliveries})
    await submit(ports)

    assert (await ports.outbox.relay(limit=9, max_visible=1)).moved == 1
