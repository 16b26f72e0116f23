"""The sealer on Modal, at work while there is something to seal; no code of users is loaded with it."""

import asyncio

from domain.errors import InvalidSettings
from domain.identifiers import Json
from domain.ports.checkpoint_copies import CheckpointCopies
from domain.ports.signatures import SigningKeys
from entrypoints.log_setup import set_up_logging
from entrypoints.modal_bootstrap import open_sealing_on_modal
from entrypoints.modal_plan import JOB_POOL, JOB_TRANSACTIONS, LEDGER
from entrypoints.sealer import Sealer
from entrypoints.services import Services
from entrypoints.settings import Settings, load_settings
from entrypoints.shift import Shift


async def seal() -> dict[str, Json]:
    """One call of the schedule; how many events were sealed.

    Raises InvalidSettings without a key: one made here would be gone with the container.
    """
    settings = load_settings()
    if settings.ledger_key is None:
        raise InvalidSettings(f"LEDGER_KEY is not in this container; the secret {LEDGER.name} must hold it.")
    settings = settings.model_copy(
        update={"database_pool_size": JOB_POOL, "worker_transactions": JOB_TRANSACTIONS, "job_modules": []}
    )
    set_up_logging(settings.log_level)
    async with open_sealing_on_modal(settings) as (services, keys, copies):
        return {"sealed": await seal_for(services, keys, copies, settings)}


async def seal_for(
    services: Services, keys: SigningKeys, copies: CheckpointCopies, settings: Settings
) -> int:
    """Seal and sign until there is nothing more, for a minute at most; how many events were sealed.

    Where nothing is new, nothing is recorded; and that the log starts and stops is itself a part of it.
    """
    if not await _is_behind(services, copies):
        return 0
    sealer = Sealer(services, keys, copies, settings)
    shift = Shift(services.clock, idle_seconds=settings.modal_idle_seconds)
    leaving = asyncio.Event()
    running = asyncio.create_task(sealer.run(leaving))
    try:
        before = -1
        while await shift.goes_on(worked=sealer.sealed != before):
            before = sealer.sealed
    finally:
        leaving.set()
        await running
    return sealer.sealed


async def _is_behind(services: Services, copies: CheckpointCopies) -> bool:
    """Whether anything is to be sealed, signed or published, or what was published is of another history."""
    if await services.sealing.is_behind():
        return True
    head = await services.ledger.head()
    return (head.note if head else None) != await copies.last()
