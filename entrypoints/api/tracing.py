"""A span a request: right inside the middleware that names requests, and only where tracing is on."""

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.ports.tracing import SpanKind, Tracing
from entrypoints.api.requests import TRACEPARENT

SERVER_ERRORS = 500


class RequestTracing:
    """The span continues the caller's trace; what the request does, events included, continues the span."""

    def __init__(self, app: ASGIApp, tracing: Tracing) -> None:
        self._app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        others = [header for header in scope["headers"] if header[0] != b"traceparent"]
        status = 500
        with self._tracing.span(
            scope["method"],
            SpanKind.SERVER,
            parent=_given(scope),
            http__request__method=scope["method"],
            url__path=scope["path"],
        ) as span:
            own = (span.traceparent or "").encode()
            scope["headers"] = [*others, (b"traceparent", own)] if own else others
            structlog.contextvars.bind_contextvars(trace_id=own.decode().split("-")[1] if own else None)

            async def noting_send(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                await send(message)

            try:
                await self._app(scope, receive, noting_send)
            finally:
                route = getattr(scope.get("route"), "path", None)
                if route:
                    span.name_it(f"{scope['method']} {route}")
                    span.tell(http__route=route)
                span.tell(http__response__status_code=status)
                if status >= SERVER_ERRORS:
                    span.fail(f"{status}")


def _given(scope: Scope) -> str | None:
    given = [value.decode("latin-1") for name, value in scope["headers"] if name == b"traceparent"]
    return given[0] if len(given) == 1 and TRACEPARENT.fullmatch(given[0]) else None
