"""Why a job is where it is, and what happens next: a pure function of where it stands."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from domain import isolation
from domain.events import AttemptLost, AttemptStarted, Cause, JobCancelled, JobEvent, JobFailed
from domain.lifecycle import Status
from domain.limits import EVERY, Hold, Kind, Limit
from domain.ports.standings import COUNTED_TO, Place, Standing

CAUSES = {
    Cause.FAILED: "the function failed",
    Cause.TIMED_OUT: "it took too long",
    Cause.CRASHED: "its worker crashed",
    Cause.PREEMPTED: "its machine was taken away",
    Cause.LEASE_LAPSED: "its worker fell silent",
    Cause.STUCK: "it was stuck",
    Cause.DEPLOYED: "its worker was leaving",
    Cause.ORPHANED: "nothing was left that would start it",
    Cause.ABANDONED: "it did not stop when asked",
}


class Reason(StrEnum):
    """Why a job is not further on."""

    NOT_DUE = "not_due"
    BACKING_OFF = "backing_off"
    QUEUE_PAUSED = "queue_paused"
    CONCURRENCY_LIMIT = "concurrency_limit"
    RATE_LIMIT = "rate_limit"
    AWAITING_TURN = "awaiting_turn"
    BEHIND_OTHERS = "behind_others"
    AWAITING_RELAY = "awaiting_relay"
    QUEUED = "queued"
    ISOLATED = "isolated"
    HANDED_OUT = "handed_out"
    DISPATCHED = "dispatched"
    NO_WORKER = "no_worker"
    ORPHANED = "orphaned"
    RUNNING = "running"
    LEASE_LAPSED = "lease_lapsed"
    STUCK = "stuck"
    CANCELLATION_PENDING = "cancellation_pending"
    ENDED = "ended"


class Next(NamedTuple):
    """What comes next if nothing else comes between: in words, as an event, and when.

    `at` is the instant where there is one: for what waits, not before it; for what runs, at the latest.
    """

    told: str
    event: type[JobEvent] | None = None
    at: datetime | None = None


class Explanation(NamedTuple):
    reason: Reason
    told: str
    next: Next


class Patience(NamedTuple):
    """How long things may take here: a lease, an attempt of the job's type, silence before recovery acts."""

    lease: timedelta
    attempt: timedelta
    silence: timedelta


def explain(standing: Standing, patience: Patience) -> Explanation:
    """The explanation of a job in any state; its texts are whole sentences."""
    job = standing.view.job
    if job.has_ended:
        return _ended(standing)
    if job.is_waiting:
        return _waiting(standing, patience)
    if job.status is Status.CANCELLING:
        return _cancelling(standing, patience)
    return _running(standing, patience)


def _ended(standing: Standing) -> Explanation:
    view = standing.view
    told = f"The job {view.job.status.value} at {_time(view.finished_at)}."
    if view.job.status is Status.CANCELLED:
        told = f"The job was cancelled at {_time(view.finished_at)}."
    elif view.job.status is Status.FAILED and view.error_info:
        told = f"The job failed at {_time(view.finished_at)}: {CAUSES[view.error_info.cause]}."
        if view.error_info.cause is Cause.CRASHED and isolation.must_be_isolated(view.job):
            told += " Its last attempt ran alone in its process, so nothing else was the reason."
    if view.job.status is Status.COMPLETED:
        return Explanation(Reason.ENDED, told, Next("Nothing: it is done."))
    return Explanation(Reason.ENDED, told, Next("Nothing, unless somebody asks for another try."))


def _waiting(standing: Standing, patience: Patience) -> Explanation:
    job, at = standing.view.job, standing.at
    due_at = job.due_at or at
    if due_at > at:
        return _not_due(standing, due_at)
    if standing.place is Place.NOWHERE:
        told = "The job is due, but nothing is under way that would start it."
        recovery = Next(
            "Recovery takes it up at its first sweep from then on.", None, due_at + patience.silence
        )
        return Explanation(Reason.ORPHANED, told, recovery)
    if standing.place is Place.OUTBOX and standing.hold and standing.hold.limit:
        return _held(standing.hold, standing.hold.limit)
    if not standing.crew.serving and not standing.is_remote:
        return _no_worker(standing)
    if standing.place is Place.OUTBOX:
        return _in_outbox(standing)
    return _in_queue(standing)


def _not_due(standing: Standing, due_at: datetime) -> Explanation:
    view = standing.view
    becomes_due = Next("It becomes due, and then waits for a worker.", AttemptStarted, due_at)
    if view.job.status is Status.RETRYING and view.error_info:
        cause = view.error_info.cause.value.replace("_", " ")
        told = f"Attempt {view.job.attempt} ended ({cause}), and the job backs off until {_time(due_at)}."
        if view.error_info.cause is Cause.CRASHED:
            told += " Whatever ran beside it may have been the reason: the next one runs isolated."
        return Explanation(Reason.BACKING_OFF, told, becomes_due)
    return Explanation(Reason.NOT_DUE, f"The job is not due until {_time(due_at)}.", becomes_due)


def _no_worker(standing: Standing) -> Explanation:
    kind = standing.view.job.job_type
    told = f"No living worker serves the job type {kind!r}."
    if not standing.crew.living:
        return Explanation(
            Reason.NO_WORKER,
            f"{told} No worker lives at all.",
            Next("It starts when a worker has started.", AttemptStarted),
        )
    others = "one lives" if standing.crew.living == 1 else f"{standing.crew.living} live"
    return Explanation(
        Reason.NO_WORKER,
        f"{told} Of others {others}.",
        Next(
            "It starts when a worker that serves the type has started, and fails on others.", AttemptStarted
        ),
    )


def _held(hold: Hold, limit: Limit) -> Explanation:
    whose = _whose(limit)
    if limit.is_paused:
        told = f"The queue {limit.scope.name!r} is paused."
        return Explanation(
            Reason.QUEUE_PAUSED, told, Next("It goes on when an operator resumes the queue.", AttemptStarted)
        )
    if hold.until and limit.rate:
        rate = limit.rate
        told = f"{whose} may start {rate.starts} in {rate.per_seconds} s, {rate.burst} at once, and has."
        return Explanation(
            Reason.RATE_LIMIT, told, Next("It goes in its turn from then on.", AttemptStarted, hold.until)
        )
    attempts = "1 attempt" if limit.concurrency == 1 else f"{limit.concurrency} attempts"
    told = f"{whose} may have {attempts} queued or running at once, and has {hold.taken}."
    coming = "It goes in its turn when one of those has ended."
    if limit.concurrency == 0:
        coming = "It goes on when an operator raises the limit."
    return Explanation(Reason.CONCURRENCY_LIMIT, told, Next(coming, AttemptStarted))


def _whose(limit: Limit) -> str:
    of, user_id, name = limit.scope
    if of is Kind.GROUP:
        return "Each group" if name == EVERY else f"The group {name!r}"
    return "Each user" if user_id == EVERY else "The job's user"


def _in_outbox(standing: Standing) -> Explanation:
    if standing.hold:
        who = "dispatcher" if standing.is_remote else "relay"
        return Explanation(
            Reason.AWAITING_TURN,
            "The job is due, nothing holds it, and it waits for its user's turn.",
            Next(f"The {who} lets it go when it is next by its fair share.", AttemptStarted),
        )
    line = standing.line
    lag = _seconds(standing.at - (standing.oldest_due_at or standing.at))
    who = "dispatcher" if standing.is_remote else "relay"
    relayed = f"The {who} is {lag} behind." if standing.oldest_due_at else ""
    if line.of_its_priority or line.of_higher_priority:
        higher = (
            f", and {counted(line.of_higher_priority)} of higher priorities"
            if line.of_higher_priority
            else ""
        )
        before = f"{counted(line.of_its_priority)} jobs of its priority{higher}"
        told = f"The job is due and behind {before}. {relayed}"
        return Explanation(
            Reason.BEHIND_OTHERS, told.strip(), Next("It follows when those have gone ahead.", AttemptStarted)
        )
    told = f"The job is due and the next of its line to leave the outbox. {relayed}".strip()
    return Explanation(
        Reason.AWAITING_RELAY, told, Next(f"The {who} moves it on as soon as there is room.", AttemptStarted)
    )


def _in_queue(standing: Standing) -> Explanation:
    message, at = standing.message, standing.at
    if message and message.compute:
        told = f"The job was handed to {message.compute}."
        if message.visible_at > at:
            wait = Next("It starts when a container is there.", AttemptStarted, message.visible_at)
        else:
            wait = Next("Its call is looked after: it goes on waiting, or is made again.", AttemptStarted)
        return Explanation(Reason.DISPATCHED, told, wait)
    if message and message.visible_at > at:
        told = f"The job's message was handed to a worker, which has it until {_time(message.visible_at)}."
        return Explanation(
            Reason.HANDED_OUT, told, Next("It starts, at the latest then with another.", AttemptStarted)
        )
    if isolation.must_be_isolated(standing.view.job):
        return _isolated(standing)
    told = f"The job is in the queue behind {counted(standing.line.in_queue)} others."
    if not standing.crew.free_places:
        told += " Every place of the workers that serve it is taken."
    return Explanation(Reason.QUEUED, told, Next("The next free worker starts it.", AttemptStarted))


def _isolated(standing: Standing) -> Explanation:
    job = standing.view.job
    times = "An attempt" if job.lost_attempts == 1 else f"{job.lost_attempts} attempts"
    chances = isolation.chances_left(job)
    few = "alone in a process" if chances == 0 else "in a process with few others like it"
    told = f"{times} of the job ended with its process, so it waits to run {few}."
    starts = Next("It starts when a ward has a place for it.", AttemptStarted)
    return Explanation(Reason.ISOLATED, told, starts)


def _running(standing: Standing, patience: Patience) -> Explanation:
    view = standing.view
    job, until = view.job, _lease_until(standing)
    timeout = timedelta(seconds=job.timeout_seconds) if job.timeout_seconds else patience.attempt
    if until and until > standing.at:
        told = f"Attempt {job.attempt} runs since {_time(view.started_at)}."
        stopped_at = (view.started_at or standing.at) + timeout
        return Explanation(
            Reason.RUNNING, told, Next("It ends, or is stopped by its timeout.", None, stopped_at)
        )
    if standing.message:
        told = f"Attempt {job.attempt} has not been heard of: its lease ended."
        return Explanation(
            Reason.LEASE_LAPSED, told, Next("Whoever looks next gives the attempt up.", AttemptLost)
        )
    told = f"Attempt {job.attempt} has no message any more, so that nobody can hear of it."
    return Explanation(Reason.STUCK, told, Next("Recovery takes it up at its next sweep.", JobFailed))


def _cancelling(standing: Standing, patience: Patience) -> Explanation:
    told = f"The job was asked to stop while attempt {standing.view.job.attempt} runs."
    until = _lease_until(standing)
    if until and until > standing.at:
        told += " Its worker learns of it with its next heartbeat."
        heartbeat = standing.at + patience.lease / 3
        return Explanation(
            Reason.CANCELLATION_PENDING,
            told,
            Next("It stops; it may still complete before.", JobCancelled, heartbeat),
        )
    told += " Its worker has not been heard of."
    who = "Whoever looks next" if standing.message else "Recovery, at its next sweep,"
    return Explanation(Reason.CANCELLATION_PENDING, told, Next(f"{who} ends it.", JobCancelled))


def _lease_until(standing: Standing) -> datetime | None:
    """Until when the live attempt's lease lasts; None when it is somebody else's by now, or gone."""
    lease, message = standing.view.job.lease, standing.message
    if lease is None or message is None or message.read_ct != lease.read_ct:
        return None
    return message.visible_at


def counted(number: int) -> str:
    return f"{COUNTED_TO:,}+" if number > COUNTED_TO else f"{number:,}"


def _time(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else "an unknown time"


def _seconds(duration: timedelta) -> str:
    return f"{max(0.0, duration.total_seconds()):.1f} s"
