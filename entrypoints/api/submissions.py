"""What single submissions and batches share: keys, fingerprints, and how long one waits for its twin."""

import asyncio
import hashlib
import json
from collections.abc import Awaitable
from typing import Annotated, Any

import orjson
from fastapi import Header

from domain.errors import FieldProblem, InvalidSubmission, KeyInUse, NotPermitted
from domain.use_cases.submit import Accepted, Existing, Submission
from entrypoints.api.auth import Role
from entrypoints.api.requests import etag_of
from entrypoints.api.schemas import IDEMPOTENCY_KEY, SubmitJob

KEY_CHARACTER = r"[\x21\x23-\x5b\x5d-\x7e]"
# Blanks at either end are lost on the way.
KEY_HEADER = rf'^"?{KEY_CHARACTER}([ \x21\x23-\x5b\x5d-\x7e]{{0,253}}{KEY_CHARACTER})?"?$'


def submission_of(asked: SubmitJob, key: str | None, roles: frozenset[Role]) -> Submission:
    """Raises NotPermitted for `on_behalf_of` by anybody but an operator."""
    if asked.on_behalf_of and Role.OPERATOR not in roles:
        raise NotPermitted("Only operators may act on somebody's behalf.")
    return Submission(
        job_type=asked.job_type,
        job_parameters=_in_order(asked.job_parameters),
        priority=asked.priority,
        run_at=asked.run_at,
        max_attempts=asked.max_attempts,
        timeout_seconds=asked.timeout_seconds,
        tags=tuple(asked.tags),
        on_behalf_of=asked.on_behalf_of,
        group_key=asked.group_key,
        unique_key=asked.unique_key,
        unique_key_conflict=asked.unique_key_conflict,
        idempotency_key=key,
        fingerprint=_fingerprint(asked) if key else None,
    )


def _in_order(parameters: dict[str, Any]) -> dict[str, Any]:
    """With sorted keys, as they are kept: every later answer shows them byte for byte as the first."""
    if not parameters:
        return parameters
    try:
        ordered: dict[str, Any] = orjson.loads(orjson.dumps(parameters, option=orjson.OPT_SORT_KEYS))
    except TypeError:
        # Integers beyond 64 bits.
        ordered = json.loads(json.dumps(parameters, sort_keys=True))
    return ordered


def _fingerprint(asked: SubmitJob) -> str:
    # Without what was left out or is as by default: a field that is new tomorrow changes no old fingerprint.
    told = asked.model_dump(mode="json", exclude_defaults=True, exclude={"idempotency_key"})
    return hashlib.sha256(json.dumps(told, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def parse_idempotency_key(header: str | None) -> str | None:
    """The key, which the draft standard writes as a quoted string; unquoted is taken too."""
    if header is None:
        return None
    key = header[1:-1] if len(header) > 1 and header[0] == header[-1] == '"' else header
    if not IDEMPOTENCY_KEY.fullmatch(key):
        detail = "1 to 255 printable ASCII characters, without quotes or backslashes."
        raise InvalidSubmission([FieldProblem(pointer="/header/idempotency-key", detail=detail)])
    return key


KeyHeader = Annotated[
    str | None,
    Header(
        max_length=300,
        description="Makes it safe to ask again: 1 to 255 printable ASCII characters, in quotes or without.",
        json_schema_extra={"pattern": KEY_HEADER},
        examples=["order-17"],
    ),
]


async def in_time(submitting: Awaitable[Any], seconds: float) -> Any:
    """What keyed submissions answer; raises KeyInUse when that takes longer, while they go on."""
    try:
        async with asyncio.timeout(seconds):
            return await submitting
    except TimeoutError:
        told = "A request with this idempotency key is still under way; ask again to learn what became of it."
        raise KeyInUse(told) from None


def headers_of(answer: Accepted | Existing) -> dict[str, str]:
    headers = {"Location": f"/jobs/{answer.view.job.id}", "ETag": etag_of(answer.view)}
    if isinstance(answer, Accepted) and answer.is_replay:
        headers["Idempotency-Replayed"] = "true"
    return headers
