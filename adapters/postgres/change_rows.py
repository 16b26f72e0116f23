"""Changes as the columns of the two statements that write them."""

import os
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from adapters.postgres import event_codec, view_codec
from adapters.postgres.arrays import plain_array, text_array
from adapters.postgres.event_codec import SALT_BYTES, EncodedEvent
from adapters.postgres.view_codec import PENDING, EncodedView
from domain.events import PersonalDataErased, RecordedEvent
from domain.ports.event_store import Change
from domain.views import JobView, project, queue_entry


class EncodedChange(NamedTuple):
    """`after` still holds PENDING where the instant of recording goes."""

    change: Change
    after: JobView
    event: EncodedEvent
    view: EncodedView


def encode_changes(changes: Sequence[Change]) -> list[EncodedChange]:
    # One call for all salts: the system call costs more than the bytes.
    salts = os.urandom(SALT_BYTES * len(changes))
    encoded = []
    for index, change in enumerate(changes):
        salt = salts[index * SALT_BYTES : (index + 1) * SALT_BYTES]
        after = project(change.before, _recorded_as_pending(change))
        encoded.append(
            EncodedChange(change, after, event_codec.encode(change.event, salt), view_codec.encode(after))
        )
    return encoded


def _recorded_as_pending(change: Change) -> RecordedEvent:
    return RecordedEvent(
        job_id=change.job_id,
        version=change.before.job.version + 1 if change.before else 1,
        event=change.event,
        provenance=change.provenance,
        recorded_at=PENDING,
    )


def stamped(view: JobView, at: datetime) -> JobView:
    """The view with the instant of recording where PENDING stood."""
    job = view.job
    if job.due_at is PENDING:
        job = job._replace(due_at=at)
    return view._replace(
        job=job,
        updated_at=at,
        created_at=at if view.created_at is PENDING else view.created_at,
        started_at=at if view.started_at is PENDING else view.started_at,
        finished_at=at if view.finished_at is PENDING else view.finished_at,
    )


def _event_columns(encoded: Sequence[EncodedChange]) -> dict[str, Any]:
    provenances = [item.change.provenance for item in encoded]
    events = [item.event for item in encoded]
    return {
        "job_id": plain_array(item.change.job_id for item in encoded),
        "command_id": plain_array(provenance.command_id for provenance in provenances),
        "actor_kind": plain_array(provenance.actor.kind.value for provenance in provenances),
        "actor_id": text_array(provenance.actor.id for provenance in provenances),
        "request_id": text_array(provenance.request_id for provenance in provenances),
        "traceparent": text_array(provenance.traceparent for provenance in provenances),
        "schema_version": plain_array(event.schema_version for event in events),
        "facts": text_array(event.facts for event in events),
        "payload": text_array(event.payload for event in events),
        "salt": plain_array(event.salt.hex() if event.salt else None for event in events),
        "commitment": plain_array(event.commitment.hex() if event.commitment else None for event in events),
    }


def submit_columns(encoded: Sequence[EncodedChange]) -> dict[str, Any]:
    views = [item.after for item in encoded]
    return _event_columns(encoded) | {
        "run_at": plain_array(view_codec.instant(view.run_at) for view in views),
        "due_at": plain_array(item.view.due_at for item in encoded),
        "priority": plain_array(view.job.priority for view in views),
        "user_id": text_array(view.job.user_id for view in views),
        "job_type": text_array(view.job.job_type for view in views),
        "idempotency_key": text_array(view.idempotency_key for view in views),
        "fingerprint": text_array(view.fingerprint for view in views),
        "held_unique_key": text_array(view.held_unique_key for view in views),
        "tags": text_array(text_array(view.tags) for view in views),
        "job_parameters": text_array(view_codec.encode_parameters(view) for view in views),
        "status": plain_array(item.view.status for item in encoded),
        "details": text_array(item.view.details for item in encoded),
    }


def append_columns(encoded: Sequence[EncodedChange]) -> dict[str, Any]:
    befores = [item.change.before for item in encoded]
    withdrawn = [
        before.job.due_at if before and before.job.is_waiting and not item.after.job.is_waiting else None
        for before, item in zip(befores, encoded, strict=True)
    ]
    return _event_columns(encoded) | {
        "expected": plain_array(item.view.version - 1 for item in encoded),
        "due_at": plain_array(item.view.due_at for item in encoded),
        "started_at": plain_array(item.view.started_at for item in encoded),
        "finished_at": plain_array(item.view.finished_at for item in encoded),
        "attempt": plain_array(item.view.attempt for item in encoded),
        "status": plain_array(item.view.status for item in encoded),
        "held_unique_key": text_array(item.view.held_unique_key for item in encoded),
        "details": text_array(item.view.details for item in encoded),
        "type": plain_array(item.event.type for item in encoded),
        "erases": plain_array(isinstance(item.change.event, PersonalDataErased) for item in encoded),
        "queues": plain_array(
            queue_entry(before, item.after) is not None for before, item in zip(befores, encoded, strict=True)
        ),
        "withdraws": plain_array(view_codec.instant(due_at) for due_at in withdrawn),
        "settles": plain_array(item.change.settles for item in encoded),
    }
