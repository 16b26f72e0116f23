"""The part of the composition root that needs Modal's client: only who deploys, or runs there, imports it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from adapters.migrations import current, revisions
from adapters.modal_checkpoints import ModalCheckpoints
from adapters.modal_deployment import ModalDeployment
from adapters.modal_hints import Waker, WakingHints
from domain.ports.checkpoint_copies import CheckpointCopies
from domain.ports.hints import Topic
from domain.ports.signatures import SigningKeys
from domain.ports.tracing import Tracing
from entrypoints.bootstrap import open_services, signing_keys
from entrypoints.modal_plan import CHECKPOINTS, CHECKPOINTS_AT
from entrypoints.services import Services
from entrypoints.settings import Settings

schema_revisions = revisions


@asynccontextmanager
async def waking(settings: Settings, function: str) -> AsyncIterator[Callable[[], None]]:
    """What has a function of the deployed app called soon, while the block lasts."""
    waker = _waker(settings, function)
    async with waker.waking():
        yield waker.wake


@asynccontextmanager
async def open_services_on_modal(
    settings: Settings, tracing: Tracing | None = None, *, topic: Topic = Topic.OUTBOX
) -> AsyncIterator[Services]:
    """As `open_services`, where no relay is resident: what is announced under `topic` starts one on Modal."""
    async with open_services(settings, tracing) as services:
        waker = _waker(settings, "keep_up")
        async with waker.waking():
            yield replace(services, hints=WakingHints(services.hints, waker, topic=topic))


@asynccontextmanager
async def open_sealing_on_modal(
    settings: Settings,
) -> AsyncIterator[tuple[Services, SigningKeys, CheckpointCopies]]:
    """What the sealer works with on Modal; raises InvalidSettings for a key that is none.

    Webhooks hear of what is sealed, so sealing wakes who hands it over.
    """
    keys = signing_keys(settings)
    copies = ModalCheckpoints(
        settings.checkpoint_directory or Path(CHECKPOINTS_AT),
        name=CHECKPOINTS,
        deadline_seconds=settings.modal_deadline_seconds,
    )
    async with open_services_on_modal(settings, topic=Topic.LEDGER) as services:
        yield services, keys, copies


def _waker(settings: Settings, function: str) -> Waker:
    return Waker(
        app_name=settings.modal_app_name,
        function=function,
        deadline_seconds=settings.modal_deadline_seconds,
    )


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
