"""Values for tests, with consistent defaults: a test names only what it is about."""

from datetime import UTC, datetime
from typing import Any

import uuid_utils

from domain import decisions
from domain.events import Actor, ActorKind, Provenance
from domain.identifiers import JobId, UserId
from domain.ports.event_store import Change
from domain.retries import RetryPolicy

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def new_id() -> str:
    return str(uuid_utils.uuid7())


def provenance(kind: ActorKind = ActorKind.USER, actor_id: str = "user-1", **rest: Any) -> Provenance:
    return Provenance(actor=Actor(kind, actor_id), command_id=rest.pop("command_id", new_id()), **rest)


def submission(**asked: Any) -> Change:
    """A new job of `user-1`; keywords are those of `decisions.submit`."""
    defaults: dict[str, Any] = {
        "user_id": UserId("user-1"),
        "job_type": "sample_task",
        "policy": RetryPolicy(),
        "at": NOW,
        "job_parameters": {},
    }
    event = decisions.submit(**(defaults | asked))
    return Change(job_id=JobId(new_id()), before=None, event=event, provenance=provenance())
