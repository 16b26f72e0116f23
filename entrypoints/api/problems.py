"""What is refused, as RFC 9457 problems: one table from domain error to status, one shape for all."""

from typing import Any, NamedTuple
from urllib.parse import quote

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import Scope

from domain.errors import (
    ArchiveNotSound,
    AttemptGivenUp,
    BatchRefused,
    ComputeUnavailable,
    CopiesUnavailable,
    EndpointNotFound,
    FieldProblem,
    HistoryTakenBack,
    IllegalTransition,
    InvalidSettings,
    InvalidSubmission,
    IssuerUnavailable,
    JobArchived,
    JobledgerError,
    JobNotFound,
    KeyInUse,
    KeyReused,
    NotAuthenticated,
    NotPermitted,
    NotRebuilt,
    NotSealed,
    RateLimited,
    ScheduleNotFound,
    StorageUnavailable,
    UniqueKeyHeld,
    VersionConflict,
)
from domain.use_cases.archived import archived_instead
from entrypoints.api.schemas import pointer

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = "1"
METHOD_NOT_ALLOWED = 405
ERRORS_TOLD = 100


class Kind(NamedTuple):
    """`slug` ends the problem's type, a stable URI that clients may compare."""

    status: int
    slug: str
    title: str


INTERNAL = Kind(500, "internal", "Something went wrong here")

KINDS: dict[type[JobledgerError], Kind] = {
    JobledgerError: INTERNAL,
    ArchiveNotSound: INTERNAL,
    AttemptGivenUp: INTERNAL,
    InvalidSettings: INTERNAL,
    NotRebuilt: INTERNAL,
    HistoryTakenBack: INTERNAL,
    CopiesUnavailable: INTERNAL,
    JobNotFound: Kind(404, "job-not-found", "There is no such job"),
    EndpointNotFound: Kind(404, "webhook-not-found", "There is no such webhook endpoint"),
    ScheduleNotFound: Kind(404, "schedule-not-found", "There is no such schedule"),
    JobArchived: Kind(410, "archived", "The job was archived"),
    IllegalTransition: Kind(409, "illegal-transition", "The job's state does not allow that"),
    VersionConflict: Kind(412, "version-conflict", "The job has moved on"),
    InvalidSubmission: Kind(422, "invalid-request", "The request cannot be accepted as it is"),
    KeyReused: Kind(422, "idempotency-key-reused", "The idempotency key belongs to another request"),
    KeyInUse: Kind(409, "idempotency-key-in-use", "A request with the idempotency key is under way"),
    BatchRefused: Kind(422, "batch-refused", "One of all or nothing cannot be accepted"),
    UniqueKeyHeld: Kind(409, "unique-key-held", "Another job holds the unique key"),
    NotAuthenticated: Kind(401, "not-authenticated", "A valid token is needed"),
    IssuerUnavailable: Kind(503, "issuer-unavailable", "Tokens cannot be verified now"),
    RateLimited: Kind(429, "rate-limited", "You ask too often"),
    NotPermitted: Kind(403, "not-permitted", "Your role does not allow that"),
    NotSealed: Kind(404, "not-sealed", "The ledger does not reach so far"),
    ComputeUnavailable: Kind(503, "compute-unavailable", "Remote compute cannot be reached now"),
    StorageUnavailable: Kind(503, "storage-unavailable", "The service cannot reach its storage now"),
}

HTTP_KINDS: dict[int, Kind] = {
    400: Kind(400, "malformed", "The request cannot be read"),
    404: Kind(404, "not-found", "There is nothing here"),
    405: Kind(405, "method-not-allowed", "This resource does not know that method"),
    413: Kind(413, "too-large", "The request is too large"),
}


class Told(NamedTuple):
    """What an error says to whom it stopped: members of the problem beyond the common ones, and headers."""

    kind: Kind
    detail: str
    extra: dict[str, Any]
    headers: dict[str, str]


def problem(
    kind: Kind,
    detail: str,
    *,
    request_id: str,
    path: str,
    headers: dict[str, str] | None = None,
    **extra: Any,
) -> Response:
    """The answer for one problem about the decoded `path`; no URI in it names a host."""
    body = _body(kind, detail, request_id=request_id, path=path) | extra
    return Response(orjson.dumps(body), kind.status, headers=headers, media_type=MEDIA_TYPE)


def describe(request: Request, error: JobledgerError) -> dict[str, Any]:
    """The problem as a member of a larger answer."""
    told = tell(error)
    common = _body(told.kind, told.detail, request_id=request.state.request_id, path=request.scope["path"])
    return common | told.extra


def answer_for(error: JobledgerError, scope: Scope) -> Response:
    """The answer of a layer that refuses before any route does."""
    told = tell(error)
    return problem(
        told.kind,
        told.detail,
        request_id=scope["state"]["request_id"],
        path=scope["path"],
        headers=told.headers,
        **told.extra,
    )


def _body(kind: Kind, detail: str, *, request_id: str, path: str) -> dict[str, Any]:
    return {
        "type": f"/problems/{kind.slug}",
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
        "instance": quote(path, safe="/:@!$&'()*+,;="),
        "request_id": request_id,
    }


def tell(error: JobledgerError) -> Told:
    """What the error says over HTTP, by the one table."""
    kind = KINDS[type(error)]
    detail = "" if kind is INTERNAL else str(error)
    extra: dict[str, Any] = {}
    headers: dict[str, str] = {}
    match error:
        case InvalidSubmission():
            detail = "See `errors`."
            extra = {"errors": _errors(error.problems)}
        case BatchRefused():
            extra = {"errors": _errors(_problems_of(error))}
        case KeyReused():
            differs = [FieldProblem(pointer=place, detail="Differs.") for place in error.differs]
            extra = _job_of(error) | {"errors": _errors(differs)}
        case JobArchived():
            extra = {"month": error.month, "file": error.file}
        case UniqueKeyHeld():
            extra = _job_of(error)
        case NotAuthenticated():
            headers = {"WWW-Authenticate": _challenge(error)}
        case NotPermitted():
            headers = {"WWW-Authenticate": 'Bearer realm="jobledger", error="insufficient_scope"'}
        case RateLimited():
            extra = {"violated-policies": [error.policy]}
            headers = {"Retry-After": str(error.retry_after_seconds)}
        case KeyInUse() | ComputeUnavailable() | IssuerUnavailable() | StorageUnavailable():
            headers = {"Retry-After": RETRY_AFTER_SECONDS}
    return Told(kind, detail, extra, headers)


def _challenge(error: NotAuthenticated) -> str:
    """RFC 6750: who brought no token learns only that one is needed, others whether theirs had expired."""
    realm = 'Bearer realm="jobledger"'
    return realm if error.is_missing else f'{realm}, error="invalid_token", error_description="{error}"'


def _job_of(error: KeyReused | UniqueKeyHeld) -> dict[str, Any]:
    return {"job_id": error.job_id, "job": f"/jobs/{error.job_id}"}


def _problems_of(batch: BatchRefused) -> list[FieldProblem]:
    """Every job's problems, each with its place in the batch."""
    found: list[FieldProblem] = []
    for place, error in batch.refusals.items():
        if isinstance(error, InvalidSubmission):
            inside = [(item.pointer, item.detail) for item in error.problems]
        else:
            field = {KeyReused: "/idempotency_key", UniqueKeyHeld: "/unique_key"}.get(type(error), "")
            inside = [(field, str(error))]
        found += [FieldProblem(pointer=f"/jobs/{place}{rest}", detail=detail) for rest, detail in inside]
    return found[:ERRORS_TOLD]


def install(app: FastAPI) -> None:
    """Give every refusal the one shape, FastAPI's own included."""
    app.add_exception_handler(JobledgerError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)


def _answer(request: Request, kind: Kind, detail: str, **rest: Any) -> Response:
    # Not `request.url`, which is put together with whatever the client sent as its host.
    return problem(kind, detail, request_id=request.state.request_id, path=request.scope["path"], **rest)


async def _refused(request: Request, error: Exception) -> Response:
    if isinstance(error, JobNotFound):
        # Here, for every route there is: a job that is not there may lie in a file.
        error = await archived_instead(request.app.state.services.archived_months, error)
    assert isinstance(error, JobledgerError)  # noqa: S101 - registered for it only
    told = tell(error)
    if told.kind is not INTERNAL:
        await request.app.state.records.refused(
            request, error, status=told.kind.status, problem=told.kind.slug
        )
    return _answer(request, told.kind, told.detail, headers=told.headers, **told.extra)


async def _invalid(request: Request, error: Exception) -> Response:
    found = error.errors() if isinstance(error, RequestValidationError) else []
    if any(item["type"] == "json_invalid" for item in found):
        return _answer(request, HTTP_KINDS[400], "The body is not JSON.")
    problems = [FieldProblem(pointer=_pointer(item["loc"]), detail=item["msg"]) for item in found]
    return _answer(request, KINDS[InvalidSubmission], "See `errors`.", errors=_errors(problems))


async def _http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    if status == METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_methods_of(request))
    kind = HTTP_KINDS.get(status, Kind(status, "refused", "The request was refused"))
    detail = str(error.detail) if isinstance(error, HTTPException) else ""
    return _answer(request, kind, detail, headers=headers)


def _methods_of(request: Request) -> list[str]:
    """What the resource knows; Starlette tells only what the first of its routes does."""
    methods: set[str] = set()
    for route in request.app.routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            methods |= set(getattr(route, "methods", None) or ())
    return sorted(methods)


def _errors(problems: list[FieldProblem]) -> list[dict[str, str]]:
    return [{"pointer": item.pointer, "detail": item.detail} for item in problems]


def _pointer(location: tuple[str | int, ...]) -> str:
    """Into the body; a query parameter or header is named with its place."""
    place, *parts = location or ("body",)
    if place == "body":
        return pointer(parts) or "/"
    # Behind the name of a parameter only its place in a list is of use; the rest names our own validators.
    return pointer([place, *parts[:1], *(part for part in parts[1:] if isinstance(part, int))])
