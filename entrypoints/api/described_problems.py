"""Which problems an operation may answer, each with an example, as the OpenAPI document has them.

An operation declares statuses; which problems stand behind one follows from what the operation is about.
"""

import re
from collections.abc import Iterable
from typing import Any

from domain.errors import (
    BatchRefused,
    EndpointNotFound,
    FieldProblem,
    IllegalTransition,
    InvalidSubmission,
    IssuerUnavailable,
    JobArchived,
    JobledgerError,
    JobNotFound,
    KeyInUse,
    KeyReused,
    LimitNotFound,
    NotAuthenticated,
    NotPermitted,
    NotSealed,
    QueueNotFound,
    RateLimited,
    ScheduleNotFound,
    StorageUnavailable,
    UniqueKeyHeld,
    VersionConflict,
)
from domain.identifiers import JobId
from entrypoints.api.problem_answers import MEDIA_TYPE, Told, members, tell
from entrypoints.api.problems import HTTP_KINDS

__all__ = ["MEDIA_TYPE", "PROBLEM", "problems_of"]

PROBLEM = "#/components/schemas/ProblemOut"
JOB = JobId("01a21194-0ab8-72b8-8c97-a5dbcd883e84")
OTHER = "01a21194-0ace-7171-88b8-0e1cf5e33276"
PRIORITY = InvalidSubmission(
    [FieldProblem(pointer="/priority", detail="Input should be less than or equal to 9.")]
)
# What any error of its kind says, in the order in which they are shown.
ERRORS: tuple[JobledgerError, ...] = (
    NotAuthenticated("A bearer token is needed.", is_missing=True),
    NotPermitted("An auditor can change nothing."),
    JobNotFound(JOB),
    NotSealed("The ledger has come to position 78, not 999999."),
    EndpointNotFound(OTHER),
    ScheduleNotFound(OTHER),
    LimitNotFound(),
    QueueNotFound("resize_image"),
    IllegalTransition(act="cancel", status="completed"),
    UniqueKeyHeld(JOB),
    KeyInUse("A request with this idempotency key is still under way; ask again to learn what became of it."),
    JobArchived(JOB, month="2025-01", file="job_events-2025-01.jsonl.zst"),
    VersionConflict(JOB, expected=1, actual=2),
    PRIORITY,
    KeyReused(JOB, differs=["/priority"]),
    BatchRefused({0: PRIORITY}),
    RateLimited("user", retry_after_seconds=30),
    StorageUnavailable("The database cannot be reached."),
    IssuerUnavailable("The issuer's keys cannot be fetched now."),
)
OF_HTTP = {
    "400": "The body is not JSON.",
    "404": "Nothing has this path.",
    "413": "A request's body has at most 1048576 bytes here.",
    "415": "Send the body as JSON, and say so: `Content-Type: application/json`.",
    "503": "There was no answer within 30 seconds; what was asked may still happen.",
}
ANYWHERE = ("429", "503")
WITH_A_BODY = ("400", "413", "415", "422")
SUBMITTING = {"submit_job", "submit_jobs"}
# Where not every operation of the status may say so.
SAID_BY: dict[type[JobledgerError], set[str]] = {
    JobNotFound: {
        "get_job", "list_job_events", "stream_job_events", "explain_job", "cancel_job", "retry_job",
    },
    JobArchived: {
        "get_job", "list_job_events", "stream_job_events", "explain_job", "cancel_job", "retry_job",
    },
    NotSealed: {
        "get_job", "get_checkpoint", "get_ledger_key", "prove_event", "prove_consistency", "export_events",
    },
    LimitNotFound: {"remove_limit"},
    QueueNotFound: {"get_queue", "list_queue_events", "pause_queue", "resume_queue"},
    IllegalTransition: {"cancel_job", "retry_job"},
    UniqueKeyHeld: SUBMITTING | {"retry_job"},
    KeyInUse: SUBMITTING,
    KeyReused: SUBMITTING,
    BatchRefused: {"submit_jobs"},
}  # fmt: skip
TAGS = {EndpointNotFound: "webhooks", ScheduleNotFound: "schedules"}
OPEN = {"health", "health_db", "get_index", "list_problems", "get_problem", "get_lifecycle", "jwks"}
UNCHECKED = OPEN - {"get_lifecycle"}
# Those that ask no database, and those that are never told to wait.
ALOOF = OPEN - {"health_db"}
FREE = {"health", "health_db"}
PARAMETER = re.compile(r"\{\w+\}")


def problems_of(
    path: str, operation: dict[str, Any], declared: Iterable[str]
) -> dict[str, tuple[str, dict[str, Any]]]:
    """By status, a description and an example of each problem that the operation may answer."""
    named = operation["operationId"]
    possible = {*declared, *ANYWHERE}
    if "requestBody" in operation:
        possible |= {*WITH_A_BODY}
    if named not in UNCHECKED:
        # An unknown query parameter is refused everywhere.
        possible.add("422")
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    for status in sorted(possible):
        told = [tell(error) for error in ERRORS if _may_say(operation, error)]
        if status in OF_HTTP and (status != "404" or named == "get_problem"):
            told.append(Told(HTTP_KINDS[int(status)], OF_HTTP[status], {}, {}))
        fitting = [(it.kind, _example(it, path)) for it in told if it.kind.status == int(status)]
        if fitting:
            examples = {kind.slug: {"summary": kind.title, "value": value} for kind, value in fitting}
            found[status] = ("; ".join(kind.title for kind, _ in fitting), examples)
    return found


def _may_say(operation: dict[str, Any], error: JobledgerError) -> bool:
    named = operation["operationId"]
    match error:
        case EndpointNotFound() | ScheduleNotFound():
            return TAGS[type(error)] in operation["tags"]
        case IssuerUnavailable():
            return named not in OPEN
        case StorageUnavailable():
            return named not in ALOOF
        case RateLimited():
            return named not in FREE
    return named in SAID_BY.get(type(error), {named})


def _example(told: Told, path: str) -> dict[str, Any]:
    place = PARAMETER.sub(JOB, path)
    return members(told.kind, told.detail, request_id="request-18", path=place) | told.extra
