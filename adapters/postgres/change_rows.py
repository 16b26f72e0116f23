"""Changes as the columns of the two statements that write them.

A row is made of array elements, already quoted, so that a column is one join: half of a batch's time in
Python went into walking the rows once for each column.
"""

import os
from collections.abc import Sequence
from typing import NamedTuple

from adapters.postgres import event_codec, json_text, view_codec
from adapters.postgres.arrays import NO_TEXTS, NULL, columns, plain, quoted, quoted_again, text_array
from adapters.postgres.event_codec import SALT_BYTES, EncodedEvent
from adapters.postgres.view_codec import PENDING, EncodedView
from domain.events import ActorKind, JobCompleted, JobSubmitted, PersonalDataErased, Provenance, RecordedEvent
from domain.ports.event_store import Change
from domain.views import JobView, project, queue_entry

EVENT_COLUMNS = (
    "job_id", "command_id", "actor_kind", "actor_id", "request_id", "traceparent", "schema_version", "facts",
    "payload", "salt", "commitment",
)  # fmt: skip
SUBMIT_COLUMNS = (
    *EVENT_COLUMNS, "run_at", "due_at", "priority", "user_id", "job_type", "idempotency_key", "fingerprint",
    "held_unique_key", "tags", "job_parameters", "status", "details",
)  # fmt: skip
APPEND_COLUMNS = (
    *EVENT_COLUMNS, "expected", "due_at", "started_at", "finished_at", "attempt", "status", "held_unique_key",
    "lease_worker_id", "lease_msg_id", "lease_read_ct", "progress", "outcome", "error_info", "details",
    "type", "erases", "queues", "withdraws", "settles",
)  # fmt: skip


COMPLETE_COLUMNS = (
    "job_id", "expected", "settles", "command_id", "actor_id", "payload", "salt", "commitment",
)  # fmt: skip


class EncodedChange(NamedTuple):
    """`after` still holds PENDING where the instant of recording goes.

    `parameters` is the column of a submission's, made once for it, the event's payload and the commitment.
    """

    change: Change
    after: JobView
    event: EncodedEvent
    view: EncodedView
    parameters: str | None


def encode_changes(changes: Sequence[Change]) -> list[EncodedChange]:
    # One call for all salts: the system call costs more than the bytes.
    salts = os.urandom(SALT_BYTES * len(changes))
    encoded = []
    for index, change in enumerate(changes):
        salt = salts[index * SALT_BYTES : (index + 1) * SALT_BYTES]
        before = change.before
        version = before.job.version + 1 if before else 1
        recorded = RecordedEvent(change.job_id, version, change.event, change.provenance, PENDING)
        after = project(before, recorded)
        is_new = isinstance(change.event, JobSubmitted)
        parameters = json_text.canonical_or_none(after.job_parameters) if is_new else None
        event = event_codec.encode(change.event, salt, written=parameters)
        view = view_codec.encode(after, parameters=parameters)
        encoded.append(EncodedChange(change, after, event, view, parameters))
    return encoded


def is_plain_completion(change: Change) -> bool:
    """Whether `event_store/complete.sql` writes this change: all that it takes for granted holds."""
    event, before, by = change.event, change.before, change.provenance
    return (
        isinstance(event, JobCompleted)
        and before is not None
        and event.attempt == before.job.attempt
        and change.settles is not None
        and by.actor.kind is ActorKind.WORKER
        and by.request_id is None
        and by.traceparent == before.traceparent
    )


def complete_columns(changes: Sequence[Change]) -> dict[str, str]:
    salts = os.urandom(SALT_BYTES * len(changes))
    return columns(
        COMPLETE_COLUMNS,
        [
            _complete_row(change, salts[index * SALT_BYTES : (index + 1) * SALT_BYTES])
            for index, change in enumerate(changes)
        ],
    )


def submit_columns(encoded: Sequence[EncodedChange]) -> dict[str, str]:
    return columns(SUBMIT_COLUMNS, [_event_row(item) + _submit_row(item) for item in encoded])


def append_columns(encoded: Sequence[EncodedChange]) -> dict[str, str]:
    return columns(APPEND_COLUMNS, [_event_row(item) + _append_row(item) for item in encoded])


def _event_row(item: EncodedChange) -> tuple[str, ...]:
    change, event = item.change, item.event
    by: Provenance = change.provenance
    return (
        change.job_id,
        by.command_id,
        by.actor.kind.value,
        quoted_again(by.actor.id),
        quoted(by.request_id),
        quoted(by.traceparent),
        str(event.schema_version),
        quoted_again(event.facts),
        quoted(event.payload),
        event.salt.hex() if event.salt else NULL,
        event.commitment.hex() if event.commitment else NULL,
    )


def _complete_row(change: Change, salt: bytes) -> tuple[str, ...]:
    event = event_codec.encode(change.event, salt)
    assert change.before  # noqa: S101 - narrows: it is a completion
    return (
        change.job_id,
        str(change.before.job.version),
        str(change.settles),
        change.provenance.command_id,
        quoted(change.provenance.actor.id),
        quoted(event.payload),
        event.salt.hex() if event.salt else NULL,
        event.commitment.hex() if event.commitment else NULL,
    )


def _submit_row(item: EncodedChange) -> tuple[str, ...]:
    after, view = item.after, item.view
    return (
        plain(view_codec.instant(after.run_at)),
        plain(view.due_at),
        str(after.job.priority),
        quoted_again(after.job.user_id),
        quoted_again(after.job.job_type),
        quoted(after.idempotency_key),
        quoted(after.fingerprint),
        quoted(view.held_unique_key),
        quoted(text_array(after.tags)) if after.tags else NO_TEXTS,
        quoted(item.parameters),
        view.status,
        quoted(view.details),
    )


def _append_row(item: EncodedChange) -> tuple[str, ...]:
    change, after, event, view, _ = item
    before, job = change.before, after.job
    was_waiting = before is not None and before.job.is_waiting
    withdraws = before.job.due_at if before and was_waiting and not job.is_waiting else None
    lease = job.lease
    return (
        str(view.version - 1),
        plain(view.due_at),
        plain(view.started_at),
        plain(view.finished_at),
        str(view.attempt),
        view.status,
        quoted(view.held_unique_key),
        quoted(lease.worker_id) if lease else NULL,
        str(lease.msg_id) if lease else NULL,
        str(lease.read_ct) if lease else NULL,
        quoted(view.progress),
        quoted(view.outcome),
        quoted(view.error_info),
        quoted(view.details),
        event.type,
        "t" if isinstance(change.event, PersonalDataErased) else "f",
        "t" if queue_entry(before, after) else "f",
        plain(view_codec.instant(withdraws)),
        plain(change.settles),
    )
