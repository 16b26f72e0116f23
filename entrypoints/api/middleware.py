"""The outermost and the innermost layer around every request, as pure ASGI.

Outside: its name, its one access line, its last resort. Inside: HEAD.
"""

import re
import time

import structlog
import uuid_utils
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from entrypoints.api.problem_answers import problem
from entrypoints.api.problems import INTERNAL

log = structlog.get_logger()

SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._\-]{1,128}")
ENDLESS = ("/stream", "/live")
SECURITY_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"private, no-cache"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
]


class RequestIdentity:
    """Names the request, turns whatever escaped into a problem, and writes the one access line."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                named = {name for name, _ in message["headers"]}
                added = [header for header in SECURITY_HEADERS if header[0] not in named]
                headers = [*message["headers"], (b"x-request-id", request_id.encode()), *added]
                message = {**message, "headers": headers}
            await send(message)

        # Not its context manager, which copies the context.
        bound = structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            await self._app(scope, receive, send_with_headers)
        except Exception:
            log.exception("request.failed")
            if status:
                raise
            answer = problem(INTERNAL, "", request_id=request_id, path=scope["path"])
            await answer(scope, receive, send_with_headers)
        finally:
            _log_access(scope, status, began)
            structlog.contextvars.reset_contextvars(**bound)


class HeadAsGet:
    """Answers HEAD as GET without the body, save where a GET does not end."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("method") != "HEAD" or scope["path"].endswith(ENDLESS):
            await self._app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        # A scope of its own, because servers look at theirs to see how an answer ends.
        asked = {**scope, "method": "GET"}
        try:
            await self._app(asked, receive, send_without_body)
        finally:
            scope["route"] = asked.get("route")


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            given = value.decode("latin-1")
            if SANE_REQUEST_ID.fullmatch(given):
                return str(given)
    # Random too, and without asking the system each time.
    return uuid_utils.uuid4().hex


def _log_access(scope: Scope, status: int, began: float) -> None:
    route = scope.get("route")
    log.info(
        "request.finished",
        method=scope["method"],
        # The template, not the path: paths hold ids, and there must be few of these.
        route=getattr(route, "path", None),
        status=status,
        duration_ms=round((time.perf_counter() - began) * 1000, 1),
        user_id=scope["state"].get("user_id"),
    )
