"""Keys and batches: what a submission is told that is not the first of its kind."""

from typing import Any

import pytest

from domain.errors import BatchRefused, InvalidSubmission, KeyReused, UniqueKeyHeld
from domain.identifiers import UserId
from domain.job_types import JobTypes
from domain.use_cases.cancel import cancel_job
from domain.use_cases.submit import (
    Accepted,
    Answer,
    Existing,
    Submission,
    UniqueKeyConflict,
    submit_jobs,
)
from tests.builders import provenance
from tests.domain.test_use_cases import AnyParameters, World
from tests.fakes.ports import InMemoryPorts

KEY = {"idempotency_key": "k", "fingerprint": "f"}


@pytest.fixture
def world(ports: InMemoryPorts) -> World:
    return World(ports)


async def submit_all(world: World, *asked: dict[str, Any]) -> list[Answer]:
    ports = world.ports
    return await submit_jobs(
        ports.store,
        world.types,
        AnyParameters(),
        ports.hints,
        ports.clock,
        world.ids,
        user_id=UserId("user-1"),
        submissions=[Submission(**({"job_type": "sample_task"} | one)) for one in asked],
        provenance=provenance(),
        all_or_nothing=True,
    )


async def test_a_known_key_is_looked_at_before_anything_else(world: World) -> None:
    first = await world.try_submit(**KEY)
    assert isinstance(first, Accepted)
    world.types = JobTypes([])

    assert await world.try_submit(**KEY) == Accepted(view=first.view, is_replay=True)
    assert isinstance(await world.try_submit(**KEY | {"fingerprint": "g"}), KeyReused)
    assert isinstance(await world.try_submit(idempotency_key="other", fingerprint="f"), InvalidSubmission)
    assert isinstance(await world.try_submit(), InvalidSubmission)


async def test_of_two_keys_the_request_is_told_of_its_own_first(world: World) -> None:
    first = await world.submit(**KEY, unique_key="u")
    again = await world.try_submit(**KEY, unique_key="u")

    assert isinstance(again, Accepted)
    assert (again.view.job.id, again.is_replay) == (first, True)


async def test_what_differs_is_told_down_to_the_parameter(world: World) -> None:
    await world.submit(**KEY, job_parameters={"a": {"b": 1}}, max_attempts=2)
    answer = await world.try_submit(
        idempotency_key="k", fingerprint="g", job_parameters={"a": {"b": 2}}, max_attempts=5
    )

    assert isinstance(answer, KeyReused)
    assert answer.differs == ["/job_parameters/a/b", "/max_attempts"]


async def test_who_wants_the_holder_of_a_unique_key_gets_it_as_it_is_now(world: World) -> None:
    job_id = await world.submit(unique_key="u")
    await world.claim()
    asked = {"unique_key": "u", "unique_key_conflict": UniqueKeyConflict.RETURN_EXISTING}
    answer = await world.try_submit(**asked)
    view = world.ports.state.views[job_id]

    assert answer == Existing(view=view)
    assert view.job.version == 2


async def test_a_unique_key_is_free_when_its_job_ended(world: World) -> None:
    job_id = await world.submit(unique_key="u")
    await cancel_job(world.ports.store, world.ports.hints, job_id=job_id, provenance=provenance(), reason="r")

    assert isinstance(await world.try_submit(unique_key="u"), Accepted)


async def test_all_are_accepted_where_nothing_is_refused(world: World) -> None:
    answers = await submit_all(world, {}, {"priority": 3}, KEY)

    assert [type(answer) for answer in answers] == [Accepted] * 3
    assert len(world.ports.state.views) == 3


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        ({"job_type": "nobody_knows"}, InvalidSubmission),
        ({"unique_key": "held"}, UniqueKeyHeld),
        ({"idempotency_key": "k", "fingerprint": "another"}, KeyReused),
    ],
)
async def test_one_refusal_refuses_all(world: World, bad: dict[str, Any], error: type[Exception]) -> None:
    await world.submit(**KEY, unique_key="held")
    with pytest.raises(BatchRefused) as refused:
        await submit_all(world, {}, bad, {})

    assert [(place, type(why)) for place, why in refused.value.refusals.items()] == [(1, error)]
    assert len(world.ports.state.views) == 1


async def test_what_was_accepted_before_is_answered_again_and_the_rest_accepted(world: World) -> None:
    first = await world.try_submit(**KEY)
    assert isinstance(first, Accepted)
    held = await world.submit(unique_key="u")
    existing = {"unique_key": "u", "unique_key_conflict": UniqueKeyConflict.RETURN_EXISTING}
    answers = await submit_all(world, {}, KEY, existing)

    assert answers[1] == Accepted(view=first.view, is_replay=True)
    assert answers[2] == Existing(view=world.ports.state.views[held])
    assert isinstance(answers[0], Accepted)
    assert len(world.ports.state.views) == 3


@pytest.mark.parametrize(
    ("twice", "pointer"), [({"unique_key": "u"}, "/unique_key"), (KEY, "/idempotency_key")]
)
async def test_a_key_that_stands_twice_in_a_batch_refuses_it(
    world: World, twice: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(BatchRefused) as refused:
        await submit_all(world, twice, twice)
    (why,) = refused.value.refusals.values()

    assert isinstance(why, InvalidSubmission)
    assert [problem.pointer for problem in why.problems] == [pointer]
    assert world.ports.state.views == {}
