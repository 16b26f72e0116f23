"""Accept jobs: once this returns, they are durable and will run or say why not."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.decisions import submit
from domain.errors import FieldProblem, InvalidSubmission, JobledgerError, KeyReused, UniqueKeyHeld
from domain.events import Provenance
from domain.identifiers import Json, UserId
from domain.job_types import JobTypes
from domain.ports.event_store import Appended, AppendOutcome, Change, EventStore
from domain.ports.hints import Hints, Topic
from domain.ports.parameters import ParameterParser
from domain.ports.system import Clock, Ids
from domain.views import JobView, fold


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What a client asks for. `fingerprint` is the digest of the canonical request, for its key."""

    job_type: str
    job_parameters: Json = None
    priority: int = 0
    run_at: datetime | None = None
    max_attempts: int | None = None
    timeout_seconds: int | None = None
    tags: tuple[str, ...] = ()
    on_behalf_of: str | None = None
    unique_key: str | None = None
    idempotency_key: str | None = None
    fingerprint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The job as it was submitted; `is_replay` when the same key had submitted it before."""

    view: JobView
    is_replay: bool = False


async def submit_jobs(
    store: EventStore,
    types: JobTypes,
    parser: ParameterParser,
    hints: Hints,
    clock: Clock,
    ids: Ids,
    *,
    user_id: UserId,
    submissions: Sequence[Submission],
    provenance: Provenance,
) -> list[Accepted | JobledgerError]:
    """An answer for each submission, in order: accepted and durable, or why not.

    InvalidSubmission for an unknown job type or parameters that do not fit it; KeyReused, UniqueKeyHeld.
    Raises StorageUnavailable.
    """
    answers: list[Accepted | JobledgerError | None] = []
    changes: list[Change] = []
    at = clock.now()
    for submission in submissions:
        try:
            changes.append(_change(types, parser, ids, user_id, submission, provenance, at))
            answers.append(None)
        except InvalidSubmission as refusal:
            answers.append(refusal)
    outcomes = iter(await store.append(changes) if changes else [])
    hints.announce(Topic.OUTBOX)
    return [
        answer or await _answer(store, submission, next(outcomes))
        for answer, submission in zip(answers, submissions, strict=True)
    ]


def _change(
    types: JobTypes,
    parser: ParameterParser,
    ids: Ids,
    user_id: UserId,
    submission: Submission,
    provenance: Provenance,
    at: datetime,
) -> Change:
    kind = types.find(submission.job_type)
    if kind is None:
        known = ", ".join(types.names())
        problem = f"There is no job type {submission.job_type!r}; known are {known}."
        raise InvalidSubmission([FieldProblem(pointer="/job_type", detail=problem)])
    parser.parse(kind, submission.job_parameters)
    event = submit(
        user_id=user_id,
        job_type=kind.name,
        policy=kind.retry,
        at=at,
        job_parameters=submission.job_parameters,
        priority=submission.priority,
        run_at=submission.run_at,
        max_attempts=submission.max_attempts,
        timeout_seconds=submission.timeout_seconds,
        tags=submission.tags,
        on_behalf_of=submission.on_behalf_of,
        unique_key=submission.unique_key,
        idempotency_key=submission.idempotency_key,
        fingerprint=submission.fingerprint,
    )
    return Change(job_id=ids.job_id(), before=None, event=event, provenance=provenance)


async def _answer(
    store: EventStore, submission: Submission, outcome: AppendOutcome
) -> Accepted | JobledgerError:
    if isinstance(outcome, Appended):
        return Accepted(view=outcome.after)
    holder = getattr(outcome, "holder", None)
    if holder is None:
        raise AssertionError("a new job cannot be stale")
    if submission.idempotency_key is None or holder.idempotency_key != submission.idempotency_key:
        return UniqueKeyHeld(holder.job.id)
    if holder.fingerprint != submission.fingerprint:
        return KeyReused(holder.job.id, differs=_differences(holder, submission))
    # The same answer again: the job as of version 1, whatever became of it since.
    first = fold(await store.read_stream(holder.job.id, limit=1))
    return Accepted(view=first or holder, is_replay=True)


def _differences(holder: JobView, submission: Submission) -> list[str]:
    pairs = {
        "job_type": (holder.job.job_type, submission.job_type),
        "job_parameters": (holder.job_parameters, submission.job_parameters),
        "priority": (holder.job.priority, submission.priority),
        "run_at": (holder.run_at, submission.run_at),
        "tags": (holder.tags, submission.tags),
        "unique_key": (holder.unique_key, submission.unique_key),
        "on_behalf_of": (holder.on_behalf_of, submission.on_behalf_of),
    }
    return [name for name, (held, asked) in pairs.items() if held != asked]
