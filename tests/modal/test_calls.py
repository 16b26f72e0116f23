"""Jobs on Modal over its real client, wire and containers, whatever goes wrong in between."""

import signal
from pathlib import Path

import pytest

from adapters.modal_compute import ModalCompute
from domain.events import (
    AttemptDispatched,
    AttemptFailed,
    AttemptLost,
    AttemptStarted,
    Cause,
    JobCompleted,
)
from domain.identifiers import Json
from domain.use_cases.cancel import cancel_job
from entrypoints.dispatcher import dispatch_once
from tests.builders import provenance
from tests.fakes.modal.faults import LoseReply
from tests.fakes.modal.world import MOUNTED_AT
from tests.modal.conftest import OnModal

ONCE = ["JobSubmitted", "AttemptDispatched", "AttemptStarted", "JobCompleted"]


async def test_a_spawned_job_completes_in_its_container(on_modal: OnModal) -> None:
    asked: Json = {"result": {"sum": 3}, "data_references": ["s3://x"]}
    job_id = await on_modal.submit(parameters=asked)
    await on_modal.dispatch()
    events = await on_modal.ended(job_id)
    (call,) = on_modal.calls
    dispatched, started, completed = events[1:]

    assert dispatched == AttemptDispatched(compute="modal", call_id=call.id)
    assert isinstance(started, AttemptStarted)
    assert (started.compute, started.read_ct) == ("modal", 1)
    assert completed == JobCompleted(attempt=1, result={"sum": 3}, data_references=("s3://x",))
    assert on_modal.fake.result(call) == {"job_id": job_id, "attempt": 1, "status": "completed"}


async def test_a_container_serves_call_after_call_with_nothing_but_what_was_deployed(
    on_modal: OnModal,
) -> None:
    job_ids = [await on_modal.submit("knows_where_it_is") for _ in range(4)]
    async with on_modal.dispatching():
        views = [await on_modal.until_status(job_id, "completed") for job_id in job_ids]
    folders = [str(container.folder / "root") for container in on_modal.fake.containers]
    loaded = [str(path) for view in views if isinstance(view.result, list) for path in view.result]

    assert len(on_modal.calls) == 4
    assert [path for path in loaded if not path.startswith(tuple(folders))] == []
    assert {Path(path).name for path in loaded} >= {"modal_app.py", "modal_container.py", "types.py"}


async def test_an_exception_is_the_attempts_outcome_and_not_the_calls(on_modal: OnModal) -> None:
    job_id = await on_modal.submit(parameters={"fail_on_attempts": [1]})
    async with on_modal.dispatching():
        events = await on_modal.ended(job_id)
    first, second = on_modal.calls
    failed = events[3]

    assert isinstance(failed, AttemptFailed)
    assert (failed.cause, failed.error and failed.error.type) == (Cause.FAILED, "SampleTaskFailed")
    assert on_modal.fake.result(first)["status"] == "retrying"
    assert on_modal.fake.result(second)["status"] == "completed"


async def test_a_call_that_is_delivered_twice_runs_once(on_modal: OnModal) -> None:
    job_id = await on_modal.submit()
    await on_modal.dispatch()
    await on_modal.ended(job_id)
    (call,) = on_modal.calls
    on_modal.fake.result(call)
    again = on_modal.fake.call("process_job", **on_modal.fake.arguments(call))

    assert on_modal.fake.result(again) == {"job_id": job_id, "attempt": None, "status": None}
    assert await on_modal.kinds(job_id) == ONCE


async def test_an_input_that_is_delivered_again_while_it_runs_runs_once(
    on_modal: OnModal, tmp_path: Path
) -> None:
    job_id = await on_modal.submit("waits_for_a_file", {"path": str(tmp_path / "go")})
    await on_modal.dispatch()
    await on_modal.until_status(job_id, "processing")
    (call,) = on_modal.calls
    on_modal.fake.redeliver(call)
    left = on_modal.fake.result(call)
    (tmp_path / "go").touch()

    assert (left["attempt"], call.deliveries) == (None, 2)
    assert await on_modal.kinds(job_id) == ONCE


async def test_a_call_whose_answer_got_lost_is_made_and_recorded_once(on_modal: OnModal) -> None:
    on_modal.fake.faults["FunctionMap"].append(LoseReply())
    impatient = ModalCompute(app_name=on_modal.settings.modal_app_name, deadline_seconds=3)
    job_id = await on_modal.submit()
    report = await dispatch_once(on_modal.services, impatient, on_modal.settings)
    kinds = await on_modal.kinds(job_id)
    (call,) = on_modal.calls
    dispatched = (await on_modal.ended(job_id))[1]

    # The container, which was called all the same, says so itself.
    assert report.failed == 1
    assert kinds == ONCE
    assert dispatched == AttemptDispatched(compute="modal", call_id=call.id)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
async def test_a_job_whose_container_is_taken_away_completes_exactly_once(
    on_modal: OnModal, number: signal.Signals
) -> None:
    job_id = await on_modal.submit("waits_once")
    async with on_modal.dispatching():
        await on_modal.until_status(job_id, "processing")
        on_modal.fake.kill(on_modal.fake.container_of(on_modal.calls[0]), number)
        view = await on_modal.until_status(job_id, "completed")
    events = await on_modal.ended(job_id)
    (lost,) = [event for event in events if isinstance(event, AttemptLost)]

    assert view.result == "attempt 2"
    assert await on_modal.kinds(job_id) == [
        "JobSubmitted", "AttemptDispatched", "AttemptStarted", "AttemptLost",
        "AttemptDispatched", "AttemptStarted", "JobCompleted",
    ]  # fmt: skip
    assert lost.attempt == 1


async def test_an_attempt_that_modal_times_out_has_failed(on_modal: OnModal) -> None:
    job_id = await on_modal.submit("waits_once")
    async with on_modal.dispatching():
        await on_modal.until_status(job_id, "processing")
        on_modal.fake.time_out(on_modal.calls[0])
        await on_modal.until_status(job_id, "completed")
    events = await on_modal.ended(job_id)
    (failed,) = [event for event in events if isinstance(event, AttemptFailed)]

    assert failed.cause is Cause.TIMED_OUT


async def test_a_cancelled_job_that_ignores_it_loses_its_container_after_the_grace(on_modal: OnModal) -> None:
    job_id = await on_modal.submit("stubborn")
    await on_modal.dispatch()
    await on_modal.until_status(job_id, "processing")
    container = on_modal.fake.container_of(on_modal.calls[0])
    services = on_modal.services
    await cancel_job(services.store, services.hints, job_id=job_id, provenance=provenance())
    kinds = await on_modal.kinds(job_id)
    await on_modal.until(lambda: container in on_modal.fake.ended)
    (asked,) = on_modal.fake.asked("FunctionCallCancel")

    assert kinds[3:] == ["CancellationRequested", "JobCancelled"]
    assert (asked.function_call_id, asked.terminate_containers) == (on_modal.calls[0].id, True)


async def test_a_package_that_was_not_deployed_costs_time_and_no_job(on_modal: OnModal) -> None:
    on_modal.fake.world.hidden = f"{MOUNTED_AT}/adapters"
    job_id = await on_modal.submit()
    await on_modal.dispatch()
    await on_modal.until(lambda: on_modal.calls[0].stage == "done")
    before = await on_modal.view(job_id)
    on_modal.fake.world.hidden = None
    await on_modal.let_it_lapse()
    await on_modal.dispatch()
    kinds = await on_modal.kinds(job_id)

    # Of a folder that an earlier container left behind, Python says which of its modules is missing.
    assert "No module named 'adapters" in on_modal.calls[0].result.exception
    assert (before.job.status, before.job.attempt) == ("pending", 0)
    assert kinds == [
        "JobSubmitted", "AttemptDispatched", "AttemptDispatched", "AttemptStarted", "JobCompleted"
    ]  # fmt: skip


async def test_who_knows_a_job_and_no_message_can_call_for_it_too(on_modal: OnModal) -> None:
    job_id = await on_modal.submit(parameters={"result": 7})
    call = on_modal.fake.call(
        "process_sample_job",
        job_id=job_id,
        job_type="sample_task",
        user_id="user-1",
        job_parameters={"result": 7},
    )

    assert on_modal.fake.result(call) == {"job_id": job_id, "attempt": 1, "status": "completed"}
    assert await on_modal.kinds(job_id) == ONCE
