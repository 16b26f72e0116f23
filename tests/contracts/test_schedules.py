"""What keeping schedules promises."""

from datetime import timedelta

import pytest

from domain.identifiers import JobId, Json, UserId
from domain.schedules import (
    Definition,
    JobTemplate,
    MissedRuns,
    Overlap,
    Schedule,
    ScheduleId,
    SchedulePaused,
    defined,
)
from tests.builders import NOW, new_id, provenance
from tests.fakes.ports import Ports

ME, OTHER = UserId("user-1"), UserId("user-2")


def schedule(user_id: UserId = ME, *, parameters: Json = None, **rest: object) -> Schedule:
    template = JobTemplate("sample_task", parameters, 3, 5, 60, ("nightly", 'a "tag"'))
    definition = Definition("30 2 * * *", "Europe/Berlin", template, MissedRuns.ALL, Overlap.SKIP)
    made = Schedule(
        id=ScheduleId(new_id()), user_id=user_id, definition=definition, created_at=NOW, next_at=NOW
    )
    return made._replace(**rest)  # type: ignore[arg-type]  # a test's shorthand


async def added(ports: Ports, made: Schedule) -> Schedule:
    assert await ports.schedules.append(made, defined(made), provenance())
    return made


async def paused(ports: Ports, before: Schedule) -> bool:
    after = before._replace(is_paused=True, next_at=None, version=before.version + 1)
    event = SchedulePaused(schedule_id=after.id, version=after.version, reason="enough")
    return await ports.schedules.append(after, event, provenance())


@pytest.mark.parametrize("parameters", [None, {"steps": 3}, {"big": 2**70, "half": 0.5, "nul": "\0"}])
async def test_a_schedule_comes_back_as_it_was_given(ports: Ports, parameters: Json) -> None:
    made = await added(ports, schedule(parameters=parameters, last_job_id=JobId(new_id())))

    assert await ports.schedules.get(made.id) == made
    assert await ports.schedules.get(ScheduleId(new_id())) is None


async def test_of_two_who_act_on_one_version_one_loses_and_leaves_no_event(ports: Ports) -> None:
    made = await added(ports, schedule())
    assert await paused(ports, made)
    assert not await paused(ports, made)
    assert not await ports.schedules.append(made, defined(made), provenance())

    assert [record.version for record in await ports.schedules.history(made.id)] == [1, 2]


async def test_its_history_says_who_did_what(ports: Ports) -> None:
    made = await added(ports, schedule(parameters={"steps": 3}))
    await paused(ports, made)
    first, second = await ports.schedules.history(made.id)

    assert (first.type, first.said["cron"], first.said["job_parameters"]) == (
        "ScheduleDefined", "30 2 * * *", {"steps": 3},
    )  # fmt: skip
    assert (second.type, second.said["reason"], second.actor.id) == ("SchedulePaused", "enough", "user-1")
    assert first.recorded_at <= second.recorded_at


async def test_what_has_come_due_is_found_the_longest_due_first(ports: Ports) -> None:
    late = await added(ports, schedule(next_at=NOW - timedelta(hours=1)))
    now = await added(ports, schedule(next_at=NOW))
    await added(ports, schedule(next_at=NOW + timedelta(seconds=1)))
    resting = await added(ports, schedule(next_at=NOW))
    await paused(ports, resting)

    assert await ports.schedules.due(at=NOW, limit=10) == [late, now]
    assert await ports.schedules.due(at=NOW, limit=1) == [late]


async def test_a_schedule_moves_on_only_from_where_it_was_seen(ports: Ports) -> None:
    made = await added(ports, schedule())
    after = made._replace(next_at=NOW + timedelta(days=1), last_job_id=JobId(new_id()))

    assert await ports.schedules.advance(made, after)
    assert not await ports.schedules.advance(made, after._replace(next_at=None))
    assert await ports.schedules.get(made.id) == after


async def test_a_users_schedules_are_listed_without_removed_ones(ports: Ports) -> None:
    first = await added(ports, schedule())
    await added(ports, schedule(OTHER))
    second = await added(ports, schedule())
    gone = await added(ports, schedule())
    removed = gone._replace(is_removed=True, next_at=None, version=2)
    await ports.schedules.append(removed, defined(removed), provenance())

    assert await ports.schedules.of_user(ME) == [first, second]
