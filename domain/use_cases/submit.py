"""Accept jobs: once this returns, they are durable and will run or say why not."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice

from domain.decisions import submit
from domain.differences import differences
from domain.errors import (
    BatchRefused,
    FieldProblem,
    InvalidSubmission,
    JobledgerError,
    KeyReused,
    StorageUnavailable,
    UniqueKeyHeld,
)
from domain.events import Provenance
from domain.identifiers import Json, UserId
from domain.job_types import JobTypes
from domain.ports.event_store import Appended, AppendOutcome, Change, EventStore, KeyTaken
from domain.ports.hints import Hints, Topic
from domain.ports.parameters import ParameterParser
from domain.ports.system import Clock, Ids
from domain.views import JobView, fold

MAX_TRIES = 5
DIFFERENCES_TOLD = 20


class UniqueKeyConflict(StrEnum):
    """What a submission wants when another live job holds its unique key."""

    REJECT = "reject"
    RETURN_EXISTING = "return_existing"


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
    unique_key_conflict: UniqueKeyConflict = UniqueKeyConflict.REJECT
    idempotency_key: str | None = None
    fingerprint: str | None = None
    group_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The job as it was submitted; `is_replay` when the same key had submitted it before."""

    view: JobView
    is_replay: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Existing:
    """The job that holds the unique key, as it is now: nothing was accepted, as the submission asked."""

    view: JobView


Answer = Accepted | Existing | JobledgerError


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
    all_or_nothing: bool = False,
) -> list[Answer]:
    """An answer for each submission, in order: accepted and durable, or why not.

    InvalidSubmission for an unknown job type or parameters that do not fit it; KeyReused, UniqueKeyHeld. An
    idempotency key that is known comes before all of them. With `all_or_nothing` one refusal refuses all, and
    BatchRefused is raised. Raises StorageUnavailable.
    """
    answers: dict[int, Answer] = {}
    changes: dict[int, Change] = {}
    at = clock.now()
    for place, submission in enumerate(submissions):
        try:
            changes[place] = _change(types, parser, ids, user_id, submission, provenance, at)
        except InvalidSubmission as refusal:
            answers[place] = await _replay(store, user_id, submission) or refusal
    if all_or_nothing:
        answers |= await _append_all(store, submissions, changes, answers)
    elif changes:
        outcomes = await store.append(list(changes.values()))
        for place, outcome in zip(changes, outcomes, strict=True):
            answers[place] = await _answer(store, submissions[place], outcome)
    hints.announce(Topic.OUTBOX)
    return [answers[place] for place in range(len(submissions))]


async def _append_all(
    store: EventStore, submissions: Sequence[Submission], changes: dict[int, Change], known: dict[int, Answer]
) -> dict[int, Answer]:
    answers = dict(known)
    own = {change.job_id for change in changes.values()}
    left = dict(changes)
    for _ in range(MAX_TRIES):
        _refuse_if_any(answers)
        if not left:
            return answers
        outcomes = await store.append_all(list(left.values()))
        found = dict(zip(left, outcomes, strict=True))
        is_recorded = all(isinstance(outcome, Appended) for outcome in outcomes)
        for place, outcome in found.items():
            if isinstance(outcome, KeyTaken) and outcome.holder.job.id in own:
                answers[place] = _twice_in_a_batch(submissions[place], outcome.holder)
            elif is_recorded or isinstance(outcome, KeyTaken):
                answers[place] = await _answer(store, submissions[place], outcome)
        # What is answered by an older job stands apart; the others are tried again without it.
        left = {place: change for place, change in left.items() if place not in answers}
    raise StorageUnavailable("A key keeps changing hands; try again.")


def _refuse_if_any(answers: dict[int, Answer]) -> None:
    refusals = {place: answer for place, answer in answers.items() if isinstance(answer, JobledgerError)}
    if refusals:
        raise BatchRefused(refusals)


def _twice_in_a_batch(submission: Submission, holder: JobView) -> InvalidSubmission:
    is_same = submission.idempotency_key and submission.idempotency_key == holder.idempotency_key
    name = "idempotency_key" if is_same else "unique_key"
    return InvalidSubmission([FieldProblem(pointer=f"/{name}", detail="Another job of this batch has it.")])


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
    if kind is None or not kind.is_offered:
        known = ", ".join(types.offered())
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
        group_key=submission.group_key,
    )
    return Change(job_id=ids.job_id(), before=None, event=event, provenance=provenance)


async def _replay(store: EventStore, user_id: UserId, submission: Submission) -> Answer | None:
    """What the key answers to a request that would be refused today, as after its job type was withdrawn."""
    if submission.idempotency_key is None:
        return None
    holder = await store.key_holder(user_id=user_id, idempotency_key=submission.idempotency_key)
    return await _answer_again(store, submission, holder) if holder else None


async def _answer(store: EventStore, submission: Submission, outcome: AppendOutcome) -> Answer:
    if isinstance(outcome, Appended):
        return Accepted(view=outcome.after)
    holder = getattr(outcome, "holder", None)
    if holder is None:
        raise AssertionError("a new job cannot be stale")
    if submission.idempotency_key is not None and holder.idempotency_key == submission.idempotency_key:
        return await _answer_again(store, submission, holder)
    if submission.unique_key_conflict is UniqueKeyConflict.RETURN_EXISTING:
        return Existing(view=holder)
    return UniqueKeyHeld(holder.job.id)


async def _answer_again(store: EventStore, submission: Submission, holder: JobView) -> Answer:
    if holder.fingerprint != submission.fingerprint:
        return KeyReused(holder.job.id, differs=_differences(holder, submission))
    # The same answer again: the job as of version 1, whatever became of it since.
    first = fold(await store.read_stream(holder.job.id, limit=1))
    return Accepted(view=first or holder, is_replay=True)


def _differences(holder: JobView, submission: Submission) -> list[str]:
    """As far as the job tells: what it does not keep (a default, a time that had passed) is not compared."""
    job, at = holder.job, submission.run_at
    run_at = at if at and at > holder.created_at else None
    attempts = submission.max_attempts or job.max_attempts
    held: dict[str, Json] = {
        "job_type": job.job_type,
        "job_parameters": holder.job_parameters,
        "priority": job.priority,
        "run_at": str(holder.run_at),
        "max_attempts": job.max_attempts,
        "timeout_seconds": job.timeout_seconds,
        "tags": list(holder.tags),
        "unique_key": holder.unique_key,
        "on_behalf_of": holder.on_behalf_of,
        "group_key": holder.group_key,
    }
    asked: dict[str, Json] = {
        "job_type": submission.job_type,
        "job_parameters": submission.job_parameters,
        "priority": submission.priority,
        "run_at": str(run_at),
        "max_attempts": attempts,
        "timeout_seconds": submission.timeout_seconds,
        "tags": list(submission.tags),
        "unique_key": submission.unique_key,
        "on_behalf_of": submission.on_behalf_of,
        "group_key": submission.group_key,
    }
    return list(islice(differences(held, asked), DIFFERENCES_TOLD))
