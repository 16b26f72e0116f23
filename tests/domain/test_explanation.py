"""Every state has its explanation, and it says what then comes."""

from collections.abc import Iterable
from datetime import timedelta

import pytest

from domain.events import (
    AttemptFailed,
    AttemptLost,
    AttemptReleased,
    Cause,
    JobEvent,
    JobFailed,
    JobRequeued,
    JobRetried,
)
from domain.explanation import Explanation, Patience, Reason, counted, explain
from domain.lifecycle import Status
from domain.ports.standings import Crew, Line, Message, Place, Standing
from domain.views import fold
from tests.builders import NOW
from tests.domain.stories import (
    CANCELLED,
    CANCELLING,
    COMPLETED,
    FAILED,
    PENDING,
    PROCESSING,
    RETRY_AT,
    recorded,
    submitted,
)

PATIENCE = Patience(lease=timedelta(seconds=30), attempt=timedelta(hours=1), silence=timedelta(minutes=15))
AT = NOW + timedelta(seconds=20)
SERVED = Crew(living=2, serving=1, free_places=5)
VISIBLE = Message(1, AT - timedelta(seconds=1), None)
HELD = Message(1, AT + timedelta(seconds=30), None)
TAKEN_OVER = Message(2, AT + timedelta(seconds=30), None)
MODAL = Message(0, AT + timedelta(seconds=60), "modal")
SCHEDULED: list[JobEvent] = [submitted(run_at=NOW + timedelta(hours=1))]
BACKING_OFF: list[JobEvent] = [
    *PROCESSING,
    AttemptFailed(attempt=1, cause=Cause.FAILED, retry_at=RETRY_AT),
]
LOST: list[JobEvent] = [*PROCESSING, AttemptLost(attempt=1, cause=Cause.CRASHED, retry_at=RETRY_AT)]
RELEASED: list[JobEvent] = [*PROCESSING, AttemptReleased(attempt=1, cause=Cause.DEPLOYED)]
RETRIED: list[JobEvent] = [*FAILED, JobRetried(reason="again")]
REQUEUED: list[JobEvent] = [*PENDING, JobRequeued(cause=Cause.ORPHANED)]


def explained(
    events: Iterable[JobEvent],
    place: Place = Place.OUTBOX,
    message: Message | None = None,
    line: Line = Line(),  # noqa: B008 - a value that nothing changes
    crew: Crew = SERVED,
    at: timedelta = timedelta(0),
) -> Explanation:
    view = fold(recorded(*events))
    assert view is not None
    oldest = NOW if place is Place.OUTBOX else None
    return explain(Standing(view, AT + at, place, message, line, oldest, crew), PATIENCE)


@pytest.mark.parametrize(
    ("explanation", "reason", "event"),
    [
        (explained(SCHEDULED), Reason.NOT_DUE, "AttemptStarted"),
        (explained(SCHEDULED, crew=Crew()), Reason.NOT_DUE, "AttemptStarted"),
        (explained(SCHEDULED, at=timedelta(hours=2)), Reason.AWAITING_RELAY, "AttemptStarted"),
        (explained(BACKING_OFF), Reason.BACKING_OFF, "AttemptStarted"),
        (explained(LOST), Reason.BACKING_OFF, "AttemptStarted"),
        (explained(BACKING_OFF, at=timedelta(minutes=1)), Reason.AWAITING_RELAY, "AttemptStarted"),
        (explained(RELEASED), Reason.AWAITING_RELAY, "AttemptStarted"),
        (explained(RETRIED), Reason.AWAITING_RELAY, "AttemptStarted"),
        (explained(REQUEUED), Reason.AWAITING_RELAY, "AttemptStarted"),
        (explained(PENDING), Reason.AWAITING_RELAY, "AttemptStarted"),
        (explained(PENDING, line=Line(3, 0, 0)), Reason.BEHIND_OTHERS, "AttemptStarted"),
        (explained(PENDING, line=Line(0, 3, 0)), Reason.BEHIND_OTHERS, "AttemptStarted"),
        (explained(PENDING, crew=Crew()), Reason.NO_WORKER, "AttemptStarted"),
        (explained(PENDING, crew=Crew(living=3)), Reason.NO_WORKER, "AttemptStarted"),
        (explained(PENDING, Place.QUEUE, VISIBLE, crew=Crew()), Reason.NO_WORKER, "AttemptStarted"),
        (explained(PENDING, Place.QUEUE, VISIBLE), Reason.QUEUED, "AttemptStarted"),
        (explained(LOST, Place.QUEUE, VISIBLE, at=timedelta(hours=1)), Reason.ISOLATED, "AttemptStarted"),
        (explained(PENDING, Place.QUEUE, HELD), Reason.HANDED_OUT, "AttemptStarted"),
        (explained(PENDING, Place.QUEUE, MODAL), Reason.DISPATCHED, "AttemptStarted"),
        (explained(PENDING, Place.NOWHERE), Reason.ORPHANED, None),
        (explained(PROCESSING, Place.QUEUE, HELD), Reason.RUNNING, None),
        (explained(PROCESSING, Place.QUEUE, VISIBLE), Reason.LEASE_LAPSED, "AttemptLost"),
        (explained(PROCESSING, Place.QUEUE, TAKEN_OVER), Reason.LEASE_LAPSED, "AttemptLost"),
        (explained(PROCESSING, Place.NOWHERE), Reason.STUCK, "JobFailed"),
        (explained(CANCELLING, Place.QUEUE, HELD), Reason.CANCELLATION_PENDING, "JobCancelled"),
        (explained(CANCELLING, Place.QUEUE, VISIBLE), Reason.CANCELLATION_PENDING, "JobCancelled"),
        (explained(CANCELLING, Place.NOWHERE), Reason.CANCELLATION_PENDING, "JobCancelled"),
        (explained(COMPLETED, Place.NOWHERE), Reason.ENDED, None),
        (explained(FAILED, Place.NOWHERE), Reason.ENDED, None),
        (explained(CANCELLED, Place.NOWHERE), Reason.ENDED, None),
    ],
)
def test_every_state_is_explained(explanation: Explanation, reason: Reason, event: str | None) -> None:
    coming = explanation.next.event.__name__ if explanation.next.event else None

    assert (explanation.reason, coming) == (reason, event)
    assert explanation.told.endswith(".")
    assert explanation.next.told.endswith(".")


def test_a_crash_is_held_against_a_job_only_when_it_was_alone() -> None:
    alone = [*LOST, *PROCESSING[1:], JobFailed(attempt=2, cause=Cause.CRASHED)]

    assert "Whatever ran beside it may have been the reason" in explained(LOST).told
    assert "alone in its process, so nothing else was the reason" in explained(alone).told


def test_no_state_is_left_out() -> None:
    stories = [
        SCHEDULED, PENDING, PROCESSING, CANCELLING, BACKING_OFF, COMPLETED, FAILED, CANCELLED,
    ]  # fmt: skip
    views = [fold(recorded(*story)) for story in stories]

    assert {view.job.status for view in views if view} == set(Status)


def test_what_waits_says_until_when() -> None:
    assert explained(SCHEDULED).next.at == NOW + timedelta(hours=1)
    assert explained(BACKING_OFF).next.at == RETRY_AT
    assert "2026" in explained(BACKING_OFF).told
    assert "failed" in explained(BACKING_OFF).told


def test_an_orphan_is_taken_up_when_it_was_silent_for_long_enough() -> None:
    assert explained(PENDING, Place.NOWHERE).next.at == NOW + timedelta(seconds=1, minutes=15)


def test_a_running_attempt_ends_by_its_timeout_at_the_latest() -> None:
    own = [submitted(timeout_seconds=60), *PROCESSING[1:]]

    assert explained(PROCESSING, Place.QUEUE, HELD).next.at == NOW + timedelta(seconds=2, hours=1)
    assert explained(own, Place.QUEUE, HELD).next.at == NOW + timedelta(seconds=62)


def test_how_many_are_ahead_is_told_up_to_a_thousand() -> None:
    assert counted(1000) == "1,000"
    assert counted(1001) == "1,000+"
    assert "1,000+ jobs of its priority" in explained(PENDING, line=Line(1001, 0, 0)).told


def test_who_else_lives_is_told_where_nobody_serves_the_type() -> None:
    assert "No worker lives" in explained(PENDING, crew=Crew()).told
    assert "3 live" in explained(PENDING, crew=Crew(living=3)).told


def test_a_lag_of_the_relay_is_told() -> None:
    assert "20.0 s behind" in explained(PENDING).told


def test_a_job_for_remote_compute_waits_for_a_call_and_not_for_a_worker_that_lives() -> None:
    view = fold(recorded(*PENDING))
    assert view is not None
    standing = Standing(view, AT, Place.OUTBOX, None, Line(), NOW, Crew(), is_remote=True)
    found = explain(standing, PATIENCE)

    assert found.reason is Reason.AWAITING_RELAY
    assert found.next.told == "The dispatcher moves it on as soon as there is room."
