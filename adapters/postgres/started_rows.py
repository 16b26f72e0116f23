"""Rows of `job_queue/start_waiting` to job views.

Apart from `view_codec`, because a busy worker spends a tenth of its time here: only what can differ from one
started job to another is sent, by place.
"""

from functools import lru_cache
from typing import Any

import orjson

from adapters.postgres import json_text
from adapters.postgres.view_codec import BUDGETS, with_details, with_outcome
from domain.identifiers import WorkerId
from domain.job import Job, Lease
from domain.lifecycle import Status
from domain.views import JobView

REMEMBERED_CHARACTERS = 200


def decode(row: tuple[Any, ...], worker_id: WorkerId) -> JobView:
    """The view of a row of `job_queue/start_waiting`: an attempt of `worker_id` began at its last change."""
    (
        msg_id, read_ct, job_id, created_at, run_at, priority, user_id, job_type, idempotency_key,
        fingerprint, tags, traceparent, parameters, updated_at, version, attempt, outcome, error_info,
        details_text,
    ) = row  # fmt: skip
    details = _details_of(details_text)
    view = JobView(
        job=Job(
            id=job_id,
            user_id=user_id,
            job_type=job_type,
            status=Status.PROCESSING,
            version=version,
            priority=priority,
            max_attempts=details["max_attempts"],
            max_lost_attempts=details["max_lost_attempts"],
            due_at=None,
            attempt=attempt,
            lease=Lease(worker_id, msg_id, read_ct),
            timeout_seconds=details.get("timeout_seconds"),
            failed_attempts=details.get("failed_attempts", 0),
            lost_attempts=details.get("lost_attempts", 0),
            call_id=details.get("call_id"),
        ),
        created_at=created_at,
        updated_at=updated_at,
        started_at=updated_at,
        job_parameters=json_text.take(details, "job_parameters") if parameters is None else parameters,
        tags=tuple(tags),
        run_at=run_at,
        idempotency_key=idempotency_key,
        fingerprint=fingerprint,
        traceparent=traceparent,
    )
    if outcome is not None or error_info is not None:
        view = with_outcome(view, outcome or {}, error_info)
    return view if details.keys() <= BUDGETS else with_details(view, details)


def _details_of(text: str) -> dict[str, Any]:
    # Parameters that are no JSON of the stored kind stand here too, and may be long.
    return _remembered(text) if len(text) <= REMEMBERED_CHARACTERS else orjson.loads(text)


# Most jobs' say the same; whoever reads them changes nothing.
@lru_cache(1024)
def _remembered(text: str) -> dict[str, Any]:
    details: dict[str, Any] = orjson.loads(text)
    return details
