"""What clients ask for and get, over the ports in memory."""

from collections.abc import Sequence
from typing import Any

import pytest

from domain.attempts import (
    Attempt,
    Completed,
    Outcome,
)
from domain.claims import Claimer
from domain.errors import (
    IllegalTransition,
    InvalidSubmission,
    JobNotFound,
    KeyReused,
    UniqueKeyHeld,
    VersionConflict,
)
from domain.events import (
    AttemptStarted,
    JobCompleted,
    JobEvent,
    JobSubmitted,
)
from domain.identifiers import JobId, Json, UserId, WorkerId
from domain.isolation import ISOLATED
from domain.job_types import JobType, JobTypes
from domain.sample_task import sample_task
from domain.use_cases.cancel import cancel_job
from domain.use_cases.claim import claim
from domain.use_cases.claim_isolated import claim_isolated
from domain.use_cases.relay import relay_due
from domain.use_cases.retry import retry_job
from domain.use_cases.settle import Finished, settle
from domain.use_cases.submit import Accepted, Answer, Submission, submit_jobs
from domain.use_cases.verify import verify_jobs
from tests.builders import new_id, provenance
from tests.fakes.ports import InMemoryPorts
from tests.fakes.system import CountingIds, FixedChance

LEASE_SECONDS = 30


class AnyParameters:
    """Takes whatever it gets, but for what it was told to refuse."""

    def parse(self, job_type: JobType, job_parameters: Json) -> Any:
        if job_parameters == "refused":
            raise InvalidSubmission([])
        return job_parameters

    def schema(self, job_type: JobType) -> dict[str, Json]:
        return {}


class World:
    def __init__(self, ports: InMemoryPorts) -> None:
        self.ports = ports
        self.ids = CountingIds()
        self.types = JobTypes([sample_task])
        self.chance = FixedChance()

    async def try_submit(self, **asked: Any) -> Answer:
        ports = self.ports
        submission = Submission(**({"job_type": "sample_task"} | asked))
        (answer,) = await submit_jobs(
            ports.store,
            self.types,
            AnyParameters(),
            ports.hints,
            ports.clock,
            self.ids,
            user_id=UserId("user-1"),
            submissions=[submission],
            provenance=provenance(),
        )
        return answer

    async def submit(self, **asked: Any) -> JobId:
        answer = await self.try_submit(**asked)
        assert isinstance(answer, Accepted)
        return answer.view.job.id

    async def claim(self, worker: str = "worker-1", limit: int = 100) -> list[Attempt]:
        """What a worker takes, and then its ward."""
        attempts = await self.claim_ordinary(worker, limit)
        return attempts + await self.claim_isolated(worker, limit - len(attempts))

    async def claim_ordinary(self, worker: str = "worker-1", limit: int = 100) -> list[Attempt]:
        ports = self.ports
        await relay_due(ports.outbox, ports.hints, limit=100, max_visible=100)
        return await claim(
            ports.store,
            ports.queue,
            ports.hints,
            self.types,
            ports.clock,
            self.ids,
            self.chance,
            claimer=Claimer(worker_id=WorkerId(worker), compute="local"),
            limit=limit,
            lease_seconds=LEASE_SECONDS,
        )

    async def claim_isolated(
        self, worker: str, limit: int = 100, *, beside: Sequence[Attempt] = (), most: int = 1500
    ) -> list[Attempt]:
        ports = self.ports
        return await claim_isolated(
            ports.store,
            ports.queue,
            ports.hints,
            self.types,
            ports.clock,
            self.ids,
            self.chance,
            claimer=Claimer(worker_id=WorkerId(worker), compute=ISOLATED),
            beside=[attempt.view.job for attempt in beside],
            most=most,
            limit=limit,
            lease_seconds=LEASE_SECONDS,
        )

    async def settle(self, attempt: Attempt, outcome: Outcome) -> None:
        ports = self.ports
        finished = Finished(attempt=attempt, outcome=outcome, command_id=new_id())
        await settle(
            ports.store,
            ports.views,
            ports.hints,
            self.types,
            ports.clock,
            self.chance,
            worker_id=attempt.lease.worker_id,
            finished=[finished],
        )

    async def events(self, job_id: JobId) -> list[JobEvent]:
        return [recorded.event for recorded in await self.ports.store.read_stream(job_id)]

    async def kinds(self, job_id: JobId) -> list[type[JobEvent]]:
        return [type(event) for event in await self.events(job_id)]


@pytest.fixture
def world(ports: InMemoryPorts) -> World:
    return World(ports)


async def test_a_job_is_submitted_claimed_and_settled(world: World) -> None:
    job_id = await world.submit()
    (attempt,) = await world.claim()
    await world.settle(attempt, Completed(result=3))

    assert await world.kinds(job_id) == [JobSubmitted, AttemptStarted, JobCompleted]
    assert world.ports.state.queue == {}
    assert await verify_jobs(world.ports.store, world.ports.views, job_ids=[job_id]) == {}


async def test_a_bad_submission_is_refused_and_the_good_ones_beside_it_accepted(world: World) -> None:
    ports = world.ports
    answers = await submit_jobs(
        ports.store, world.types, AnyParameters(), ports.hints, ports.clock, world.ids,
        user_id=UserId("u"), provenance=provenance(),
        submissions=[
            Submission(job_type="sample_task"),
            Submission(job_type="nobody_knows"),
            Submission(job_type="sample_task", job_parameters="refused"),
            Submission(job_type="sample_task"),
        ],
    )  # fmt: skip

    assert [type(answer) for answer in answers] == [Accepted, InvalidSubmission, InvalidSubmission, Accepted]


async def test_the_same_key_and_request_is_the_same_answer(world: World) -> None:
    key = {"idempotency_key": "k", "fingerprint": "f"}
    first = await world.try_submit(**key)
    await world.claim()
    again = await world.try_submit(**key)

    assert isinstance(first, Accepted)
    assert again == Accepted(view=first.view, is_replay=True)


async def test_the_same_key_and_another_request_is_refused(world: World) -> None:
    job_id = await world.submit(idempotency_key="k", fingerprint="f")
    answer = await world.try_submit(idempotency_key="k", fingerprint="g", priority=3, tags=("t",))

    assert isinstance(answer, KeyReused)
    assert (answer.job_id, answer.differs) == (job_id, ["/priority", "/tags"])


async def test_a_held_unique_key_names_its_holder(world: World) -> None:
    job_id = await world.submit(unique_key="k")
    answer = await world.try_submit(unique_key="k")

    assert isinstance(answer, UniqueKeyHeld)
    assert answer.job_id == job_id


async def test_acting_on_a_missing_or_somebody_elses_job_is_not_found(world: World) -> None:
    job_id = await world.submit()
    ports = world.ports
    for wanted, owner in ((JobId(new_id()), None), (job_id, UserId("user-2"))):
        with pytest.raises(JobNotFound):
            await cancel_job(
                ports.store, ports.hints, job_id=wanted, provenance=provenance(), reason="r", owner=owner
            )


async def test_an_expected_version_that_has_passed_is_a_conflict(world: World) -> None:
    job_id = await world.submit()
    await world.claim()
    ports = world.ports
    with pytest.raises(VersionConflict, match="is at version 2"):
        await cancel_job(
            ports.store, ports.hints, job_id=job_id, provenance=provenance(), reason="r", expected_version=1
        )


async def test_a_completed_job_can_be_neither_cancelled_nor_retried(world: World) -> None:
    job_id = await world.submit()
    (attempt,) = await world.claim()
    await world.settle(attempt, Completed())
    ports = world.ports
    for act in (cancel_job, retry_job):
        with pytest.raises(IllegalTransition):
            await act(ports.store, ports.hints, job_id=job_id, provenance=provenance(), reason="r")


async def test_tampering_with_the_read_model_is_found(world: World) -> None:
    job_id = await world.submit()
    state = world.ports.state
    state.views[job_id] = state.views[job_id]._replace(tags=("forged",))

    assert await verify_jobs(world.ports.store, world.ports.views, job_ids=[job_id]) == {job_id: ["tags"]}
