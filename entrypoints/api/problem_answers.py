"""Problems as they are answered: one shape for all (RFC 9457), with the headers that belong to each."""

from typing import Any, NamedTuple
from urllib.parse import quote

import orjson
from fastapi import Request, Response
from starlette.types import Scope

from domain.errors import (
    BatchRefused,
    ComputeUnavailable,
    FieldProblem,
    InvalidSubmission,
    IssuerUnavailable,
    JobArchived,
    JobledgerError,
    KeyInUse,
    KeyReused,
    NotAuthenticated,
    NotPermitted,
    RateLimited,
    StorageUnavailable,
    UniqueKeyHeld,
    VersionConflict,
)
from entrypoints.api.problems import INTERNAL, KINDS, Kind

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = "1"
ERRORS_TOLD = 100


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
    body = members(kind, detail, request_id=request_id, path=path) | extra
    return Response(orjson.dumps(body), kind.status, headers=headers, media_type=MEDIA_TYPE)


def describe(request: Request, error: JobledgerError) -> dict[str, Any]:
    """The problem as a member of a larger answer."""
    told = tell(error)
    common = members(told.kind, told.detail, request_id=request.state.request_id, path=request.scope["path"])
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


def members(kind: Kind, detail: str, *, request_id: str, path: str) -> dict[str, Any]:
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
    match error:
        case InvalidSubmission():
            detail = "See `errors`."
            extra = {"errors": field_errors(error.problems)}
        case BatchRefused():
            extra = {"errors": field_errors(_problems_of(error))}
        case KeyReused():
            differs = [FieldProblem(pointer=place, detail="Differs.") for place in error.differs]
            extra = _job_of(error) | {"errors": field_errors(differs)}
        case JobArchived():
            extra = {"month": error.month, "file": error.file}
        case UniqueKeyHeld():
            extra = _job_of(error)
        case VersionConflict(actual=int(version)):
            extra = {"job_id": error.job_id, "version": version}
        case RateLimited():
            extra = {"violated-policies": [error.policy]}
    return Told(kind, detail, extra, _headers(error))


def _headers(error: JobledgerError) -> dict[str, str]:
    match error:
        case NotAuthenticated():
            return {"WWW-Authenticate": _challenge(error)}
        case NotPermitted():
            return {"WWW-Authenticate": 'Bearer realm="jobledger", error="insufficient_scope"'}
        case VersionConflict(actual=int(version)):
            return {"ETag": f'"{version}"'}
        case RateLimited():
            return {"Retry-After": str(error.retry_after_seconds)}
        case KeyInUse() | ComputeUnavailable() | IssuerUnavailable() | StorageUnavailable():
            return {"Retry-After": RETRY_AFTER_SECONDS}
    return {}


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


def field_errors(problems: list[FieldProblem]) -> list[dict[str, str]]:
    return [{"pointer": item.pointer, "detail": item.detail} for item in problems]
