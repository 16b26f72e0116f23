"""How every refusal comes to be answered as a problem, FastAPI's own included."""

from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.routing import Match

from domain.errors import FieldProblem, InvalidSubmission, JobledgerError, JobNotFound
from domain.use_cases.archived import archived_instead
from entrypoints.api.middleware import ENDLESS
from entrypoints.api.problem_answers import problem, tell
from entrypoints.api.problems import HTTP_KINDS, INTERNAL, Kind
from entrypoints.api.schemas import pointer, told_of

JSON = "application/json"


def install(app: FastAPI) -> None:
    """Give every refusal the one shape, FastAPI's own included."""
    app.add_exception_handler(JobledgerError, refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)


def _answer(request: Request, kind: Kind, detail: str, **rest: Any) -> Response:
    # Not `request.url`, which is put together with whatever the client sent as its host.
    return problem(kind, detail, request_id=request.state.request_id, path=request.scope["path"], **rest)


async def refused(request: Request, error: Exception) -> Response:
    """The problem that one of the domain's errors is answered as; commands that are refused are recorded."""
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
    if any(item["loc"] == ("body",) for item in found) and (refusal := _unreadable(request)):
        return refusal
    if any(item["type"] == "json_invalid" for item in found):
        return _answer(request, HTTP_KINDS[400], "The body is not JSON.")
    problems = [FieldProblem(pointer=_pointer(item["loc"]), detail=told_of(item)) for item in found]
    return await refused(request, InvalidSubmission(problems))


async def _http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    detail = str(error.detail) if isinstance(error, HTTPException) else ""
    match status:
        case 400 if refusal := _unreadable(request):
            return refusal
        case 400:
            # All that FastAPI finds here is a body that its reader gave up on.
            detail = "The body is no JSON that can be read here, by its encoding, its depth or its numbers."
        case 404:
            detail = "Nothing has this path."
            if request.scope["path"].endswith("/"):
                detail = "Nothing has this path; no path here ends with a slash."
        case 405:
            headers["Allow"] = ", ".join(_methods_of(request))
            if request.method == "OPTIONS":
                return Response(status_code=204, headers=headers)
            detail = f"It knows {headers['Allow']}."
    kind = HTTP_KINDS.get(status, Kind(status, "refused", "The request was refused"))
    return _answer(request, kind, detail, headers=headers)


def _unreadable(request: Request) -> Response | None:
    """The refusal of a body that is not said to be plain JSON."""
    coding = request.headers.get("content-encoding", "identity")
    if coding != "identity":
        told = f"Bodies are read as they are, not in the coding {coding[:40]!r}."
        return _answer(request, HTTP_KINDS[415], told, headers={"Accept-Encoding": "identity"})
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if (
        media_type == JSON
        or media_type.endswith("+json")
        or request.headers.get("content-length", "0") == "0"
    ):
        return None
    told = f"Send the body as JSON, and say so: `Content-Type: {JSON}`."
    return _answer(request, HTTP_KINDS[415], told, headers={"Accept": JSON})


def _methods_of(request: Request) -> list[str]:
    """What the resource knows; Starlette tells only what the first of its routes does."""
    found: dict[str, set[str]] = {}
    for route in iter_route_contexts(request.app.routes):
        if route.methods and route.matches(request.scope)[0] is not Match.NONE:
            found.setdefault(route.path or "", set()).update(route.methods)
    # `/jobs/batch` is a resource of its own, and no job of the name of batch.
    narrowest = min(found, key=lambda path: path.count("{"), default="")
    known = found.get(narrowest, set()) | {"OPTIONS"}
    has_head = "GET" in known and not narrowest.endswith(ENDLESS)
    return sorted(known | ({"HEAD"} if has_head else set()))


def _pointer(location: tuple[str | int, ...]) -> str:
    """Into the body; a query parameter or header is named with its place."""
    place, *parts = location or ("body",)
    if place == "body":
        return pointer(parts)
    # Behind the name of a parameter only its place in a list is of use; the rest names our own validators.
    return pointer([place, *parts[:1], *(part for part in parts[1:] if isinstance(part, int))])
