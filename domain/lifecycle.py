"""The lifecycle of a job, declared once.

`TRANSITIONS` is the declaration; `MACHINE` is what `transitions` makes of it and what the diagram, the
API's `/lifecycle` and the offline verifier read; `TABLE` is compiled from the Machine once, because a
look-up costs a tenth of a trigger. No Machine is ever bound to a job: decisions look up, `apply` folds.

In each transition `trigger` is the act, `conditions` names the guard by which a decision chose it (absent
when there is only one way), `after` names the event that is appended, and a `dest` of None leaves the
status as it is. Status changes only by events, never by the clock.
"""

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from transitions import Machine

if TYPE_CHECKING:
    from transitions.core import TransitionConfigDict  # stands in the stubs only

from domain.errors import IllegalTransition
from domain.events import EVENT_TYPES, JobEvent

NEW = "new"
"""The Machine's name for a job that does not exist yet."""


class Status(StrEnum):
    SCHEDULED = "scheduled"
    PENDING = "pending"
    PROCESSING = "processing"
    CANCELLING = "cancelling"
    RETRYING = "retrying"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


WAITING = (Status.SCHEDULED, Status.PENDING, Status.RETRYING)
RUNNING = (Status.PROCESSING, Status.CANCELLING)
ENDED = (Status.COMPLETED, Status.FAILED, Status.CANCELLED)


class Act(StrEnum):
    SUBMIT = "submit"
    DISPATCH = "dispatch"
    START = "start"
    REPORT_PROGRESS = "report_progress"
    COMPLETE = "complete"
    FAIL = "fail"
    LOSE = "lose"
    RELEASE = "release"
    CONFIRM_CANCELLATION = "confirm_cancellation"
    ORPHAN = "orphan"
    CANCEL = "cancel"
    RETRY = "retry"
    REJECT_LATE_RESULT = "reject_late_result"
    ERASE = "erase"


class Guard(StrEnum):
    """How a decision chooses where an act has two ways."""

    ALWAYS = "always"
    DUE_NOW = "due_now"
    DUE_LATER = "due_later"
    BUDGET_LEFT = "budget_left"
    BUDGET_SPENT = "budget_spent"


def _move(
    act: Act,
    sources: tuple[Status, ...] | str,
    event: str,
    dest: Status | None,
    guard: Guard | None = None,
) -> "TransitionConfigDict":
    config: TransitionConfigDict = {
        "trigger": act.value,
        "source": sources if isinstance(sources, str) else [source.value for source in sources],
        "dest": dest.value if dest else None,
        "after": event,
    }
    if guard:
        config["conditions"] = guard.value
    return config


_PROCESSING = (Status.PROCESSING,)
_CANCELLING = (Status.CANCELLING,)

TRANSITIONS: list["TransitionConfigDict"] = [
    _move(Act.SUBMIT, NEW, "JobSubmitted", Status.PENDING, Guard.DUE_NOW),
    _move(Act.SUBMIT, NEW, "JobSubmitted", Status.SCHEDULED, Guard.DUE_LATER),
    _move(Act.DISPATCH, WAITING, "AttemptDispatched", None),
    _move(Act.START, WAITING, "AttemptStarted", Status.PROCESSING),
    _move(Act.REPORT_PROGRESS, RUNNING, "ProgressReported", None),
    _move(Act.COMPLETE, RUNNING, "JobCompleted", Status.COMPLETED),
    _move(Act.FAIL, _PROCESSING, "AttemptFailed", Status.RETRYING, Guard.BUDGET_LEFT),
    _move(Act.FAIL, _PROCESSING, "JobFailed", Status.FAILED, Guard.BUDGET_SPENT),
    _move(Act.FAIL, _CANCELLING, "JobCancelled", Status.CANCELLED),
    _move(Act.LOSE, _PROCESSING, "AttemptLost", Status.RETRYING, Guard.BUDGET_LEFT),
    _move(Act.LOSE, _PROCESSING, "JobFailed", Status.FAILED, Guard.BUDGET_SPENT),
    _move(Act.LOSE, _CANCELLING, "JobCancelled", Status.CANCELLED),
    _move(Act.RELEASE, _PROCESSING, "AttemptReleased", Status.RETRYING),
    _move(Act.RELEASE, _CANCELLING, "JobCancelled", Status.CANCELLED),
    _move(Act.CONFIRM_CANCELLATION, _CANCELLING, "JobCancelled", Status.CANCELLED),
    _move(Act.ORPHAN, WAITING, "JobRequeued", Status.PENDING, Guard.BUDGET_LEFT),
    _move(Act.ORPHAN, WAITING, "JobFailed", Status.FAILED, Guard.BUDGET_SPENT),
    _move(Act.CANCEL, WAITING, "JobCancelled", Status.CANCELLED),
    _move(Act.CANCEL, _PROCESSING, "CancellationRequested", Status.CANCELLING),
    _move(Act.RETRY, (Status.FAILED, Status.CANCELLED), "JobRetried", Status.PENDING),
    _move(Act.REJECT_LATE_RESULT, tuple(Status), "LateResultRejected", None),
    _move(Act.ERASE, ENDED, "PersonalDataErased", None),
]

MACHINE = Machine(
    model=None,
    states=[NEW, *(status.value for status in Status)],
    initial=NEW,
    transitions=TRANSITIONS,
    auto_transitions=False,
)


class Move(NamedTuple):
    """One edge of the table: what is appended and where it leads (None: the status stays)."""

    event: type[JobEvent]
    dest: Status | None


def _compile(machine: Machine) -> dict[tuple[Status | None, Act, Guard], Move]:
    table: dict[tuple[Status | None, Act, Guard], Move] = {}
    for act, trigger in machine.events.items():
        for source, moves in trigger.transitions.items():
            for move in moves:
                guard = Guard(str(move.conditions[0].func)) if move.conditions else Guard.ALWAYS
                key = (None if source == NEW else Status(source), Act(act), guard)
                if key in table:
                    raise AssertionError(f"two moves for {key}")
                table[key] = Move(EVENT_TYPES[str(move.after[0])], Status(move.dest) if move.dest else None)
    return table


TABLE = _compile(MACHINE)

LEADS_TO: dict[type[JobEvent], Status | None] = {move.event: move.dest for move in TABLE.values()}
"""Where each event leads, for `apply`; JobSubmitted leads to pending or scheduled by its `run_at`."""


def find_move(status: Status | None, act: Act, guard: Guard = Guard.ALWAYS) -> Move:
    """The edge that `act` takes from `status`; raises IllegalTransition where there is none."""
    move = TABLE.get((status, act, guard))
    if move is None:
        raise IllegalTransition(act=act.value, status=status.value if status else None)
    return move


def is_legal(status: Status | None, event: JobEvent) -> bool:
    """Whether any act may append `event` to a job in `status`: how a finished history is checked again."""
    return may_follow(status, type(event))


def may_follow(status: Status | None, event_type: type[JobEvent]) -> bool:
    """As `is_legal`, for who knows no more of the event than its type."""
    return (status, event_type) in _LEGAL


_LEGAL = {(source, move.event) for (source, _, _), move in TABLE.items()}


def allowed(status: Status, act: Act) -> bool:
    """Whether `act` has any way out of `status`."""
    return any((status, act, guard) in TABLE for guard in Guard)
