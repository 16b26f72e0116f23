"""Opaque cursors, bound to the filters that they were made with."""

import base64
import hashlib
import re

import orjson

from domain.errors import FieldProblem, InvalidSubmission
from domain.identifiers import JobId
from domain.ports.job_views import JobFilter

JOB_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def encode_cursor(last: JobId, which: JobFilter) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([last, _digest(which)])).decode().rstrip("=")


def decode_cursor(cursor: str, which: JobFilter) -> JobId:
    """The id that the page follows; raises InvalidSubmission for a cursor of another list, or of nobody's."""
    try:
        content = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError:
        content = None
    match content:
        case [str(last), str(digest)] if digest == _digest(which) and JOB_ID.fullmatch(last):
            return JobId(last)
    detail = "The cursor does not belong to this list; begin again without one."
    raise InvalidSubmission([FieldProblem(pointer="/query/cursor", detail=detail)])


def _digest(which: JobFilter) -> str:
    asked = [
        which.user_id,
        sorted(which.statuses),
        which.job_type,
        which.tag,
        which.created_after,
        which.created_before,
    ]
    return hashlib.sha256(orjson.dumps(asked)).hexdigest()[:16]
