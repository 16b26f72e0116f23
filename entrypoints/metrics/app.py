"""`/metrics` and `/metrics/scaling` as a plain ASGI application, for a port of its own or within the API."""

import hmac
from typing import Any

import orjson
from starlette.types import Message, Receive, Scope, Send

from domain.scaling import Steady
from entrypoints.metrics.exposition import CONTENT_TYPE, Exposition
from entrypoints.metrics.readings import Readings
from entrypoints.metrics.scaling import advice
from entrypoints.services import Services
from entrypoints.settings import Settings

PATHS = frozenset({"/metrics", "/metrics/scaling"})
JSON = "application/json"
PROBLEM = "application/problem+json"


class MetricsApp:
    """Answers GET on the two paths; the second only where the whole service is read."""

    def __init__(self, services: Services, settings: Settings, *, reads_service: bool) -> None:
        self._readings = _readings(services, settings) if reads_service else None
        self._exposition = Exposition(services.tallies, self._readings)
        self._settings = settings
        self._steady = Steady(least=settings.scaling_min_workers, most=settings.scaling_max_workers)
        self._token = settings.metrics_token.get_secret_value().encode() if settings.metrics_token else None

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._answer(scope, send)

    async def _answer(self, scope: Scope, send: Send) -> None:
        if scope["path"] not in PATHS:
            await _refuse(scope, send, 404, "not-found", "There is nothing here")
        elif scope["method"] not in {"GET", "HEAD"}:
            await _refuse(scope, send, 405, "method-not-allowed", "This resource does not know that method")
        elif not self._is_let_in(scope):
            await _refuse(scope, send, 401, "not-authenticated", "A valid token is needed")
        elif scope["path"] == "/metrics":
            await _send(scope, send, 200, await self._exposition.text(), CONTENT_TYPE)
        else:
            await self._answer_scaling(scope, send)

    async def _answer_scaling(self, scope: Scope, send: Send) -> None:
        told = await advice(self._readings, self._steady, self._settings) if self._readings else None
        if told is None:
            # No number is better than a wrong one: autoscalers keep what they have when they get none.
            await _refuse(scope, send, 503, "storage-unavailable", "The service cannot be read now")
        else:
            await _send(scope, send, 200, orjson.dumps(told), JSON)

    def _is_let_in(self, scope: Scope) -> bool:
        if self._token is None:
            return True
        given = dict(scope["headers"]).get(b"authorization", b"")
        return hmac.compare_digest(given, b"Bearer " + self._token)


def _readings(services: Services, settings: Settings) -> Readings:
    return Readings(
        services.vitals,
        services.statistics,
        services.workers,
        services.types,
        every_seconds=settings.metrics_seconds,
    )


async def _refuse(scope: Scope, send: Send, status: int, slug: str, title: str) -> None:
    body: dict[str, Any] = {"type": f"/problems/{slug}", "title": title, "status": status, "detail": ""}
    body |= {"instance": scope["path"], "request_id": scope.get("state", {}).get("request_id")}
    extra = {401: [(b"www-authenticate", b"Bearer")], 503: [(b"retry-after", b"5")]}.get(status, [])
    await _send(scope, send, status, orjson.dumps(body), PROBLEM, extra)


async def _send(
    scope: Scope,
    send: Send,
    status: int,
    body: bytes,
    content_type: str,
    extra: list[tuple[bytes, bytes]] | None = None,
) -> None:
    headers = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode())]
    start: Message = {"type": "http.response.start", "status": status, "headers": headers + (extra or [])}
    await send(start)
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
