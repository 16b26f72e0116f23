"""The part of the composition root that needs Modal's client: only who deploys, or runs there, imports it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from adapters.migrations import current, revisions
from adapters.modal_deployment import ModalDeployment
from adapters.modal_hints import WakingHints
from domain.ports.tracing import Tracing
from entrypoints.bootstrap import open_services
from entrypoints.services import Services
from entrypoints.settings import Settings

schema_revisions = revisions


@asynccontextmanager
async def open_services_on_modal(
    settings: Settings, tracing: Tracing | None = None
) -> AsyncIterator[Services]:
    """As `open_services`, where no relay is resident: due work starts one on Modal."""
    async with open_services(settings, tracing) as services:
        hints = WakingHints(
            services.hints,
            app_name=settings.modal_app_name,
            deadline_seconds=settings.modal_deadline_seconds,
        )
        async with hints.waking():
            yield replace(services, hints=hints)


def modal_deployment(settings: Settings, *, environment: str) -> ModalDeployment:
    """The app on Modal, as who deploys it sees it."""
    return ModalDeployment(
        app_name=settings.modal_app_name,
        environment=environment,
        deadline_seconds=settings.modal_deadline_seconds,
    )


def schema_revision(settings: Settings) -> str | None:
    """The revision of the database's schema; None where there is none. Blocks."""
    return current(settings.owner_url)
