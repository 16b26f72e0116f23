"""The FastAPI application, made of what it is given."""

from fastapi import Depends, FastAPI
from starlette.types import Lifespan

from domain.ports.tokens import TokenIssuer, TokenVerifier
from domain.ports.tracing import Tracing
from entrypoints import dashboard
from entrypoints.api import (
    audit,
    batches,
    bulk_acts,
    catalogue,
    feed,
    health,
    index,
    issuer,
    job_acts,
    job_explanation,
    job_history,
    job_reads,
    job_stream,
    jobs,
    layers,
    limits,
    queues,
    reference_page,
    refusals,
    schedules,
    webhooks,
)
from entrypoints.api.documentation import DocumentedApi
from entrypoints.api.known_parameters import KnownParameters
from entrypoints.api.rate_limits import rate_limits_of
from entrypoints.api.recording import RequestRecords
from entrypoints.api.watching import FeedWatch, JobWatch
from entrypoints.code_version import CODE_VERSION
from entrypoints.services import Services
from entrypoints.settings import Settings

RESOURCES = (
    batches.router,
    catalogue.router,
    job_reads.router,
    job_history.router,
    job_stream.router,
    job_explanation.router,
    job_acts.router,
    feed.router,
    audit.router,
    bulk_acts.router,
    webhooks.router,
    schedules.router,
    queues.router,
    limits.router,
)
DESCRIPTION = "Jobs that are never lost, with a history of who did what, when and why."


def create_app(
    verifier: TokenVerifier,
    settings: Settings,
    local_issuer: TokenIssuer | None = None,
    *,
    services: Services | None = None,
    lifespan: Lifespan[FastAPI] | None = None,
    tracing: Tracing | None = None,
) -> FastAPI:
    """The API over `services`, or over those that `lifespan` puts into the application's state.

    With `local_issuer` it also publishes that issuer's keys.
    """
    app = DocumentedApi(
        title="Jobledger",
        version=CODE_VERSION,
        description=DESCRIPTION,
        lifespan=lifespan,
        # FastAPI's own pages load their scripts from other people's servers.
        docs_url=None,
        redoc_url=None,
        # A redirect to the path without its slash would name the host and scheme that the request named,
        # and behind a proxy that speaks TLS send the token on in the clear.
        redirect_slashes=False,
        # FastAPI's own would trace each request a second time, and send bodies that failed to validate on.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.services = services
    app.state.watch = JobWatch(lambda: app.state.services.views)
    app.state.feed_watch = FeedWatch(lambda: app.state.services)
    app.state.records = RequestRecords(lambda: app.state.services)
    app.state.verifier = verifier
    app.state.settings = settings
    app.state.rate_limits = rate_limits_of(settings)
    app.include_router(jobs.quick)
    parameters = Depends(KnownParameters())
    for resource in RESOURCES:
        app.include_router(resource, dependencies=[parameters])
    app.include_router(health.router)
    app.include_router(index.router)
    if local_issuer:
        app.include_router(issuer.router_for(local_issuer))
    dashboard.install(app)
    reference_page.install(app)
    refusals.install(app)
    layers.wrap(app, settings, tracing)
    return app
