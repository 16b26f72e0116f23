"""Counts requests, and answers `/metrics`: the middleware right inside the one that names them."""

import time
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from entrypoints.metrics.app import PATHS, MetricsApp
from entrypoints.metrics.catalogue import REQUEST_SECONDS, REQUESTS, REQUESTS_OPEN
from entrypoints.metrics.tallies import Tallies
from entrypoints.services import Services
from entrypoints.settings import Environment, Settings

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "other"
UNMATCHED = "unmatched"


class RequestMetrics:
    """Labels are bounded: known methods, templates of routes instead of paths, and statuses.

    Outside `ENVIRONMENT=local` `/metrics` is answered only where METRICS_TOKEN protects it.
    """

    def __init__(self, app: ASGIApp, services: Callable[[], Services], settings: Settings) -> None:
        self._app = app
        self._services = services
        self._settings = settings
        self._is_public = bool(settings.metrics_token) or settings.environment is Environment.LOCAL
        self._tallies: Tallies | None = None
        self._metrics: MetricsApp | None = None
        self._open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        if self._tallies is None:
            self._tallies = self._services().tallies
            self._tallies.watch(REQUESTS_OPEN, lambda: self._open)
        status = 500

        async def noting_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        is_ours = scope["path"] in PATHS and self._is_public
        self._open += 1
        try:
            await (self._metrics_app() if is_ours else self._app)(scope, receive, noting_send)
        finally:
            self._open -= 1
            route = scope["path"] if is_ours else getattr(scope.get("route"), "path", UNMATCHED)
            method = scope["method"] if scope["method"] in METHODS else OTHER
            self._tallies.add(REQUESTS, 1, method, route, str(status))
            self._tallies.observe(REQUEST_SECONDS, time.perf_counter() - began, method, route)

    def _metrics_app(self) -> MetricsApp:
        if self._metrics is None:
            self._metrics = MetricsApp(self._services(), self._settings, reads_service=True)
        return self._metrics
