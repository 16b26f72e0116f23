"""The read model as a fold."""

from datetime import timedelta

import pytest

from domain.events import (
    AttemptDispatched,
    AttemptFailed,
    Cause,
    JobCompleted,
    JobError,
    JobEvent,
    JobRetried,
    LateResultRejected,
    PersonalDataErased,
    Progress,
    ProgressReported,
)
from domain.job import apply, replay
from domain.lifecycle import Status
from domain.views import ErrorInfo, fold, project, queue_entry
from tests.builders import NOW
from tests.domain.stories import (
    CANCELLED,
    COMPLETED,
    FAILED,
    PENDING,
    PROCESSING,
    RETRY_AT,
    recorded,
    started,
    submitted,
)

ERROR = JobError(type="ValueError", message="no")
RETRYING = [*PROCESSING, AttemptFailed(attempt=1, cause=Cause.FAILED, error=ERROR, retry_at=RETRY_AT)]


def test_the_view_holds_exactly_the_job_that_the_events_make() -> None:
    for history in (PENDING, PROCESSING, RETRYING, COMPLETED, FAILED, CANCELLED):
        view = fold(recorded(*history))
        assert view is not None
        assert view.job == replay(recorded(*history))


def test_an_empty_stream_is_no_job() -> None:
    assert fold([]) is None
    with pytest.raises(ValueError, match="empty stream"):
        replay([])


def test_a_stream_that_does_not_begin_with_a_submission_is_refused() -> None:
    for fold_one in (apply, project):
        with pytest.raises(TypeError, match="begins with JobSubmitted"):
            fold_one(None, recorded(started())[0])


def test_a_job_cannot_be_submitted_twice() -> None:
    with pytest.raises(ValueError, match="submitted twice"):
        replay(recorded(*PENDING, *PENDING))


def test_a_job_with_a_run_at_is_scheduled_until_it_starts() -> None:
    later = NOW + timedelta(days=1)
    job = replay(recorded(submitted(run_at=later)))
    running = replay(recorded(submitted(run_at=later), started()))

    assert (job.status, job.due_at) == (Status.SCHEDULED, later)
    assert (running.status, running.due_at) == (Status.PROCESSING, None)


def test_times_are_those_of_the_events() -> None:
    view = fold(recorded(*COMPLETED))

    assert view is not None
    assert view.created_at == NOW + timedelta(seconds=1)
    assert view.started_at == NOW + timedelta(seconds=2)
    assert view.finished_at == view.updated_at == NOW + timedelta(seconds=3)


def test_the_latest_error_is_shown_until_the_job_completes() -> None:
    retrying = fold(recorded(*RETRYING))
    completed = fold(recorded(*RETRYING, started(attempt=2), JobCompleted(attempt=2)))

    assert retrying is not None
    assert retrying.error_info == ErrorInfo(Cause.FAILED, 1, ERROR)
    assert completed is not None
    assert completed.error_info is None


def test_a_new_attempt_begins_without_progress() -> None:
    halfway = [*PROCESSING, ProgressReported(attempt=1, percent=50, message="half")]
    failed = AttemptFailed(attempt=1, cause=Cause.FAILED, retry_at=RETRY_AT)
    before = fold(recorded(*halfway))
    after = fold(recorded(*halfway, failed, started(attempt=2)))

    assert before is not None
    assert before.progress == Progress(percent=50, message="half")
    assert after is not None
    assert after.progress is None


def test_a_retried_job_has_not_finished() -> None:
    view = fold(recorded(*FAILED, JobRetried(reason="again")))

    assert view is not None
    assert (view.finished_at, view.job.status) == (None, Status.PENDING)


@pytest.mark.parametrize("history", [COMPLETED, FAILED, CANCELLED])
def test_a_late_result_does_not_move_the_time_at_which_a_job_finished(history: list[JobEvent]) -> None:
    late = LateResultRejected(attempt=1, outcome="Completed", digest="0" * 64)
    before = fold(recorded(*history))
    after = fold(recorded(*history, late))

    assert before is not None
    assert after is not None
    assert before.finished_at is not None
    assert after.finished_at == before.finished_at
    assert after.updated_at > before.updated_at


def test_a_unique_key_is_held_exactly_while_the_job_lives() -> None:
    keyed: list[JobEvent] = [submitted(unique_key="k"), *COMPLETED[1:]]
    held = []
    for length in (1, 2, 3):
        view = fold(recorded(*keyed[:length]))
        assert view is not None
        held.append(view.held_unique_key)

    assert held == ["k", "k", None]


def test_erasing_takes_what_is_personal_and_leaves_the_rest() -> None:
    personal: list[JobEvent] = [
        submitted(job_parameters={"name": "Ada"}, tags=("Ada",), on_behalf_of="Ada", unique_key="Ada"),
        started(),
        ProgressReported(attempt=1, percent=50, message="Ada"),
        JobCompleted(attempt=1, result="Ada", data_references=("Ada",)),
        PersonalDataErased(through_version=4),
    ]
    view = fold(recorded(*personal))

    assert view is not None
    assert "Ada" not in repr(view)
    assert (view.job.attempt, view.progress) == (1, Progress(percent=50))


def test_a_job_is_queued_whenever_it_begins_to_wait() -> None:
    pending = fold(recorded(*PENDING))
    running = fold(recorded(*PROCESSING))
    retrying = fold(recorded(*RETRYING))
    dispatched = fold(recorded(*PENDING, AttemptDispatched(compute="modal", call_id="fc-1")))

    assert pending is not None
    assert running is not None
    assert retrying is not None
    assert dispatched is not None
    assert queue_entry(None, pending) is not None
    assert queue_entry(pending, running) is None
    entry = queue_entry(running, retrying)
    assert entry is not None
    assert entry.available_at == RETRY_AT
    assert queue_entry(pending, dispatched) is None
