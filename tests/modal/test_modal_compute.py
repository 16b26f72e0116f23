"""Modal as the dispatcher meets it: its client and its wire, with nothing that runs behind them."""

import os
import subprocess
import sys
from collections.abc import Iterator

import modal
import pytest
from grpclib import Status
from modal._serialization import deserialize

from adapters.modal_compute import MAX_PARAMETER_BYTES, ModalCompute
from domain.errors import ComputeUnavailable
from domain.identifiers import JobId, Json, MessageId, UserId
from domain.ports.remote_compute import Call, Fate
from tests.builders import new_id
from tests.fakes.modal.faults import LoseReply, Refuse
from tests.fakes.modal.server import FakeModal

TRIED_WITH = "1.6.4"
"""The version of Modal's client that the fake speaks to; a red test after a new one is news."""


@pytest.fixture
def fake(deployed: FakeModal) -> Iterator[FakeModal]:
    deployed.empty()
    deployed.runs_calls = False
    yield deployed
    deployed.empty()


@pytest.fixture
def compute(fake: FakeModal) -> ModalCompute:
    return ModalCompute(app_name="jobledger", deadline_seconds=5)


def call_for(job_parameters: Json = None) -> Call:
    return Call(
        job_id=JobId(new_id()),
        job_type="sample_task",
        user_id=UserId("user-1"),
        job_parameters=job_parameters,
        msg_id=MessageId(7),
        read_ct=0,
    )


def test_the_client_is_the_one_that_the_fake_was_made_for() -> None:
    assert modal.__version__ == TRIED_WITH


async def test_a_call_is_told_what_its_message_says(fake: FakeModal, compute: ModalCompute) -> None:
    asked = call_for({"steps": 2})
    call_id = await compute.spawn(asked)
    arguments = deserialize(fake.world.calls[call_id].input.args, None)

    assert arguments == ((), asked._asdict())


async def test_large_parameters_are_not_sent_along(fake: FakeModal, compute: ModalCompute) -> None:
    small = await compute.spawn(call_for("x" * (MAX_PARAMETER_BYTES - 2)))
    large = await compute.spawn(call_for("x" * (MAX_PARAMETER_BYTES - 1)))
    sent = [fake.arguments(fake.world.calls[call_id])["job_parameters"] for call_id in (small, large)]

    assert sent == ["x" * (MAX_PARAMETER_BYTES - 2), None]
    assert fake.asked("BlobCreate") == []


async def test_what_became_of_a_call(fake: FakeModal, compute: ModalCompute) -> None:
    call_ids = [await compute.spawn(call_for()) for _ in range(4)]
    _, timed_out, broken, cancelled = call_ids
    fake.time_out(fake.world.calls[timed_out])
    fake.fail_internally(fake.world.calls[broken])
    await compute.terminate(cancelled)
    fates = [await compute.fate(call_id) for call_id in call_ids]

    assert fates == [Fate.NOT_FINISHED, Fate.TIMED_OUT, Fate.BROKEN, Fate.BROKEN]
    assert await compute.fate("fc-nobodys") is Fate.FORGOTTEN


async def test_a_result_that_has_expired_is_forgotten(fake: FakeModal, compute: ModalCompute) -> None:
    call_id = await compute.spawn(call_for())
    fake.fail_internally(fake.world.calls[call_id])
    fake.forgets_results = True

    assert await compute.fate(call_id) is Fate.FORGOTTEN


async def test_to_terminate_what_nobody_knows_is_nothing_wrong(compute: ModalCompute) -> None:
    await compute.terminate("fc-nobodys")


async def test_a_short_throttling_is_waited_out(fake: FakeModal, compute: ModalCompute) -> None:
    fake.faults["FunctionMap"] += [Refuse(Status.RESOURCE_EXHAUSTED, retry_after_seconds=0.1)] * 2
    call_id = await compute.spawn(call_for())

    assert call_id in fake.world.calls
    assert len(fake.asked("FunctionMap")) == 3


async def test_a_long_throttling_is_given_up(fake: FakeModal) -> None:
    fake.faults["FunctionMap"] += [Refuse(Status.RESOURCE_EXHAUSTED, retry_after_seconds=60.0)] * 2
    with pytest.raises(ComputeUnavailable):
        await ModalCompute(app_name="jobledger", deadline_seconds=0.5).spawn(call_for())


@pytest.mark.parametrize("status", [Status.RESOURCE_EXHAUSTED, Status.INTERNAL, Status.PERMISSION_DENIED])
async def test_what_modal_refuses_for_good_is_unavailable(
    fake: FakeModal, compute: ModalCompute, status: Status
) -> None:
    fake.faults["FunctionMap"] += [Refuse(status)] * 5
    with pytest.raises(ComputeUnavailable):
        await compute.spawn(call_for())

    assert fake.world.calls == {}


async def test_a_broken_connection_is_tried_again_as_the_same_call(
    fake: FakeModal, compute: ModalCompute
) -> None:
    fake.faults["FunctionMap"].append(Refuse(Status.UNAVAILABLE))
    call_id = await compute.spawn(call_for())

    assert list(fake.world.calls) == [call_id]


async def test_an_answer_that_never_comes_is_not_waited_for(fake: FakeModal) -> None:
    # Long enough for what comes before the answer, on any machine.
    compute = ModalCompute(app_name="jobledger", deadline_seconds=3)
    fake.faults["FunctionMap"].append(LoseReply())
    with pytest.raises(ComputeUnavailable, match="did not answer"):
        await compute.spawn(call_for())

    # It has happened all the same: who is spawned claims first.
    assert len(fake.world.calls) == 1


async def test_an_app_that_is_not_deployed_is_unavailable(fake: FakeModal) -> None:
    compute = ModalCompute(app_name="another", deadline_seconds=5)
    with pytest.raises(ComputeUnavailable, match="Nothing is deployed"):
        await compute.spawn(call_for())


UNREACHABLE = """
import asyncio
from adapters.modal_compute import ModalCompute
from domain.errors import ComputeUnavailable
from domain.ports.remote_compute import Call

async def main():
    compute = ModalCompute(app_name="jobledger", deadline_seconds=0.5)
    for _ in range(2):
        try:
            await compute.spawn(Call("job", "type", "user", None, 1, 0))
        except ComputeUnavailable as error:
            print("told:", error)

asyncio.run(main())
"""


def test_an_unreachable_modal_is_said_to_be_within_the_deadline() -> None:
    # In a process of its own, whose client has no connection yet: left alone it would try for a minute.
    nowhere = {"MODAL_SERVER_URL": "http://127.0.0.1:1", "MODAL_TOKEN_ID": "ak", "MODAL_TOKEN_SECRET": "as"}
    done = subprocess.run(
        [sys.executable, "-c", UNREACHABLE],
        env=os.environ | nowhere,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )

    told = [line for line in done.stdout.splitlines() if line.startswith("told:")]
    assert told == ["told: Modal did not answer in 0.5 s."] * 2
