"""The layers around all routes, as pure ASGI; docs/api.md says why they stand in this order."""

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from domain.ports.tracing import Tracing
from entrypoints.api import jobs, refusals
from entrypoints.api.bounds import RequestBounds
from entrypoints.api.metrics import RequestMetrics
from entrypoints.api.middleware import HeadAsGet, RequestIdentity
from entrypoints.api.quick_routes import QuickRoutes
from entrypoints.api.rate_limits import RateLimit
from entrypoints.api.tracing import RequestTracing
from entrypoints.settings import Settings

# What browser applications of CORS_ORIGINS may send, and may see beside the body.
ASKED_HEADERS = [
    "Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "Last-Event-ID",
    "Prefer", "traceparent", "X-Request-ID",
]  # fmt: skip
TOLD_HEADERS = [
    "ETag", "Idempotency-Replayed", "Link", "Location", "Preference-Applied", "RateLimit",
    "RateLimit-Policy", "Retry-After", "WWW-Authenticate", "X-Request-ID",
]  # fmt: skip


def wrap(app: FastAPI, settings: Settings, tracing: Tracing | None) -> None:
    """Innermost first. What is not set is not there, and costs nothing."""
    app.add_middleware(QuickRoutes, routes=jobs.quick.routes, refused=refusals.refused)
    app.add_middleware(HeadAsGet)
    app.add_middleware(RequestBounds, seconds=settings.request_timeout_seconds)
    if app.state.rate_limits:
        app.add_middleware(RateLimit, limits=app.state.rate_limits)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["DELETE", "GET", "PATCH", "POST", "PUT"],
            allow_headers=ASKED_HEADERS,
            expose_headers=TOLD_HEADERS,
            max_age=3600,
        )
    if tracing and tracing.is_on:
        app.add_middleware(RequestTracing, tracing=tracing)
    app.add_middleware(RequestMetrics, services=lambda: app.state.services, settings=settings)
    app.add_middleware(RequestIdentity)
