"""Every state that a job, its messages and two attempts at once can come to, breadth first, to completion.

What can happen next in a state is asked of the real decisions, the real fence, the real guard on redelivery
and the real `apply`; a worker may die, and everybody else go on, between any two of its calls. Jobs share
nothing but workers, and what a worker does for another job changes nothing here: so this holds for two jobs
and two workers, and for any number of either that has no more than two attempts at a job under way. What
a batch brings together, the simulator looks at.

What cannot make a difference is left out of a state, which makes their number finite: times, attempt
numbers, how large versions and delivery counts are (only which is newer), which attempt is which. All
attempts belong to one worker, as they may: the worst case for a fence. Any lease may lapse and any waiting
job be due at any time. The one bound: the relay sends no third message of a job while there are two.
"""

from collections.abc import Iterator
from typing import NamedTuple, TypeVar

from domain import decisions
from domain.attempts import Attempt, Completed, Failed, Outcome, Released, Stopped
from domain.events import (
    Cause,
    JobError,
    JobEvent,
    JobRetried,
    LateResultRejected,
    RecordedEvent,
)
from domain.identifiers import JobId, MessageId, UserId
from domain.job import apply
from domain.job_types import JobTypes
from domain.lifecycle import RUNNING, Act, Status, allowed, is_legal
from domain.ports.job_queue import Delivery
from domain.retries import RetryPolicy
from domain.sample_task import sample_task
from domain.use_cases import claim, settle
from domain.use_cases.settle import Finished
from domain.views import JobView
from tests.builders import NOW, provenance
from tests.fakes.system import FakeClock, FixedChance
from tests.simulation.invariants import OUTCOMES, Violation
from tests.simulation.states import Held, Local, Message, canonical, deliveries, is_current

T = TypeVar("T")

SLOTS = 2
MESSAGES = 2
POLICY = RetryPolicy(max_attempts=2, max_lost_attempts=1)
TYPES = JobTypes([sample_task])
PROVENANCE = provenance()
ERROR = JobError(type="E", message="no", retryable=True)
RESULTS: tuple[Outcome, ...] = (Completed(), Failed(cause=Cause.FAILED, error=ERROR), Released())


class Step(NamedTuple):
    what: str
    after: Local
    is_fault: bool = False


def submitted() -> Local:
    event = decisions.submit(user_id=UserId("u"), job_type="sample_task", policy=POLICY, at=NOW)
    return canonical(Local(apply(None, _recorded(1, event)), in_outbox=True, messages=(), held=()))


def steps(state: Local) -> Iterator[Step]:
    """Everything that may happen to one job next; raises Violation where that breaks a promise."""
    for what, after, is_fault in _steps(state):
        _check(after)
        yield Step(what, canonical(after), is_fault)


def _steps(state: Local) -> Iterator[tuple[str, Local, bool]]:
    job = state.job
    if allowed(job.status, Act.CANCEL):
        cancelled = _append(state, decisions.cancel(job, reason=None))
        yield "client cancels", cancelled, True
    if allowed(job.status, Act.RETRY):
        yield "client retries", _append(state, decisions.retry(job, reason=None)), True
    if state.in_outbox and len(state.messages) < MESSAGES:
        # Above every number that anybody remembers: the queue never gives one twice.
        remembered = [msg_id for msg_id, _ in deliveries(state)]
        sent = (*state.messages, Message(max(remembered, default=0) + 1, 0, is_visible=True))
        yield "relay sends", state._replace(in_outbox=False, messages=sent), False
    for message in state.messages:
        yield from _of_message(state, message)
    for held in state.held:
        rest = _without(state.held, held)
        yield "worker dies", state._replace(held=rest), True
        yield from _of_attempt(state._replace(held=rest), held)


def _of_message(state: Local, message: Message) -> Iterator[tuple[str, Local, bool]]:
    rest = _without(state.messages, message)
    if not message.is_visible:
        lapsed = message._replace(is_visible=True)
        yield "lease lapses", state._replace(messages=(*rest, lapsed)), False
    elif len(state.held) < SLOTS:
        taken = Message(message.msg_id, message.read_ct + 1, is_visible=False)
        holder = Held(taken.msg_id, taken.read_ct, state.job, is_fresh=True)
        yield (
            "worker receives",
            Local(state.job, state.in_outbox, (*rest, taken), (*state.held, holder), state.has_outcome),
            False,
        )


def _of_attempt(state: Local, held: Held) -> Iterator[tuple[str, Local, bool]]:
    """What an attempt that was taken out of `state.held` does next; it goes back where it goes on."""
    if not held.is_started:
        yield _claimed(state, held)
    elif held.outcome is None:
        for outcome in RESULTS:
            ended = held._replace(outcome=outcome)
            yield "function ends", state._replace(held=(*state.held, ended)), False
        if state.job.status is Status.CANCELLING and state.job.lease == held.lease:
            # A heartbeat told; who was stopped looks again before it decides.
            stopped = held._replace(outcome=Stopped(), is_fresh=False)
            yield "function stops", state._replace(held=(*state.held, stopped)), False
    elif held.is_fresh:
        yield _settled(state, held)
    else:
        fresh = held._replace(known=state.job, is_fresh=True)
        yield "worker looks again", state._replace(held=(*state.held, fresh)), False


def _claimed(state: Local, held: Held) -> tuple[str, Local, bool]:
    view = JobView(job=held.known, created_at=NOW, updated_at=NOW)
    delivery = Delivery(MessageId(held.msg_id), held.read_ct, held.known.id, view, "")
    if held.known.is_waiting:
        started = decisions.start(held.known, lease=held.lease, compute="c")
        if not is_current(state, held):
            return "worker loses the claim", state, False
        after = _append(state, started)
        mine = held._replace(known=after.job, is_fresh=True, is_started=True)
        return "worker starts", after._replace(held=(*after.held, mine)), False
    if claim.is_lapsed(view, delivery):
        lost = decisions.lose(held.known, cause=Cause.LEASE_LAPSED, policy=POLICY, chance=0.0, at=NOW)
        if not is_current(state, held):
            return "worker loses the race for a lost attempt", state, False
        return "worker finds a lost attempt", _append(state, lost, settles=held.msg_id), False
    kept = tuple(m for m in state.messages if (m.msg_id, m.read_ct) != (held.msg_id, held.read_ct))
    return "worker deletes a finished message", state._replace(messages=kept), False


def _settled(state: Local, held: Held) -> tuple[str, Local, bool]:
    assert held.outcome
    attempt = Attempt(view=JobView(job=held.known, created_at=NOW, updated_at=NOW), lease=held.lease)
    finished = Finished(attempt=attempt, outcome=held.outcome, command_id="c")
    event = settle._decide(finished, TYPES, FixedChance(), FakeClock())
    if event is None:
        if isinstance(held.outcome, Completed | Failed):
            raise Violation(state.job.id, "whatever an attempt reports is recorded")
        return "worker gives up", state, False
    if not is_current(state, held):
        stale = held._replace(is_fresh=False)
        return "worker finds its outcome stale", state._replace(held=(*state.held, stale)), False
    is_late = isinstance(event, LateResultRejected)
    if is_late == (state.job.lease == held.lease):
        raise Violation(state.job.id, "the live attempt's word counts, and nobody else's")
    after = _append(state, event, settles=None if is_late else held.msg_id)
    if is_late and after.job._replace(version=0) != state.job._replace(version=0):
        raise Violation(state.job.id, "a late result changes nothing")
    return f"worker settles {type(event).__name__}", after, False


def _append(state: Local, event: JobEvent, settles: int | None = None) -> Local:
    """As the store does it: the event, the outbox and the message, in one step."""
    before = state.job
    if not is_legal(before.status, event):
        raise Violation(before.id, f"{type(event).__name__} is legal in this state")
    has_outcome = state.has_outcome and not isinstance(event, JobRetried)
    if isinstance(event, OUTCOMES):
        if has_outcome:
            raise Violation(before.id, "there is one outcome between two retries")
        has_outcome = True
    job = apply(before, _recorded(before.version + 1, event))
    in_outbox = state.in_outbox and job.is_waiting
    # As `queue_entry`: whenever a job begins to wait, or waits anew.
    if job.is_waiting and not before.is_waiting:
        in_outbox = True
    messages = tuple(message for message in state.messages if message.msg_id != settles)
    return Local(job, in_outbox, messages, state.held, has_outcome)


def _recorded(version: int, event: JobEvent) -> RecordedEvent:
    return RecordedEvent(
        job_id=JobId("job"), version=version, event=event, provenance=PROVENANCE, recorded_at=NOW
    )


def _check(state: Local) -> None:
    job = state.job
    if job.has_ended != state.has_outcome:
        raise Violation(job.id, "a job that has ended has its one outcome")
    if (job.lease is not None) != (job.status in RUNNING):
        raise Violation(job.id, "a lease is held exactly while the job runs")
    if job.lease and not any(message.msg_id == job.lease.msg_id for message in state.messages):
        raise Violation(job.id, "a running job's message exists")
    if job.is_waiting and not state.in_outbox and not state.messages:
        raise Violation(job.id, "a waiting job is in the outbox or the queue")


def _without(items: tuple[T, ...], gone: T) -> tuple[T, ...]:
    place = items.index(gone)
    return items[:place] + items[place + 1 :]


class Search(NamedTuple):
    """How many states there are, how many transitions between them, and what happened in any of those."""

    states: int
    transitions: int
    happened: frozenset[str]


def search() -> Search:
    """Look at every reachable state. Raises Violation where a promise breaks, or a job cannot end."""
    start = submitted()
    numbers = {start: 0}
    known = [start]
    moves: list[list[tuple[int, bool]]] = []
    happened: set[str] = set()
    while len(moves) < len(known):
        reached = []
        for step in steps(known[len(moves)]):
            number = numbers.setdefault(step.after, len(known))
            if number == len(known):
                known.append(step.after)
            reached.append((number, step.is_fault))
            happened.add(step.what)
        moves.append(reached)
    _check_that_each_drains(known, moves)
    return Search(len(known), sum(map(len, moves)), frozenset(happened))


def _check_that_each_drains(known: list[Local], moves: list[list[tuple[int, bool]]]) -> None:
    """From everywhere, without another fault or wish, a job comes to its end and leaves nothing behind."""
    sources: list[list[int]] = [[] for _ in known]
    for source, reached in enumerate(moves):
        for target, is_fault in reached:
            if not is_fault:
                sources[target].append(source)
    drained = [
        number
        for number, state in enumerate(known)
        if state.job.has_ended and not (state.in_outbox or state.messages or state.held)
    ]
    draining = set(drained)
    while drained:
        for source in sources[drained.pop()]:
            if source not in draining:
                draining.add(source)
                drained.append(source)
    for number, state in enumerate(known):
        if number not in draining:
            raise Violation(state.job.id, f"every job can still end: {state}")
