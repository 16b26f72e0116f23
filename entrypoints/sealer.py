"""The sealer: gives events their positions as they are committed, and signs how far they go once a second.

Any number may run; one at a time gets anything done. Nothing waits for it: it reads what was committed.
"""

import asyncio
import hashlib

import structlog

from domain.audit import AuditEvent, LedgerKeysChanged, LedgerStarted, LedgerStopped
from domain.errors import HistoryTakenBack
from domain.events import Actor, ActorKind, Provenance
from domain.ledger.growing import GrowingTree
from domain.ledger.notes import LogKey
from domain.ports.checkpoint_copies import CheckpointCopies
from domain.ports.hints import Topic
from domain.ports.signatures import Signer, SigningKeys
from domain.use_cases.open_ledger import open_ledger
from domain.use_cases.seal import seal_next
from domain.use_cases.sign_checkpoint import sign_checkpoint
from entrypoints import bootstrap
from entrypoints.loops import leave_on_signals, repeat, wait_for
from entrypoints.metrics.catalogue import CHECKPOINTS, SEALED
from entrypoints.metrics.port import metrics_port
from entrypoints.services import Services
from entrypoints.settings import Settings

log = structlog.get_logger()

SEALER = Actor(ActorKind.SYSTEM, "sealer")
# How long a leaving sealer tries to sign what it sealed last.
LAST_SECONDS = 3.0
LARGEST_PIECE = 10


async def run_sealer(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT."""
    leaving = leave_on_signals()
    keys = bootstrap.signing_keys(settings)
    copies = bootstrap.checkpoint_copies(settings)
    async with (
        bootstrap.open_services(settings) as services,
        metrics_port(services, settings, reads_service=False),
    ):
        await Sealer(services, keys, copies, settings).run(leaving)


class Sealer:
    """The loop, and the tree as it knows it; it opens the ledger anew when the database went back in time.

    `sealed` counts the events that it has sealed.
    """

    def __init__(
        self, services: Services, keys: SigningKeys, copies: CheckpointCopies, settings: Settings
    ) -> None:
        self._services = services
        self._keys = keys
        self._copies = copies
        self._settings = settings
        self.sealed = 0
        self._tree: GrowingTree | None = None
        self._keys_in_use: list[str] = []
        self._limit = settings.seal_batch

    async def run(self, leaving: asyncio.Event) -> None:
        async def seal() -> None:
            sealed = await self._seal()
            if sealed < self._limit:
                self._limit = self._settings.seal_batch
                await wait_for(leaving, at_most=self._settings.seal_seconds)
            else:
                # A backlog: the fewer pieces, the less often what is behind each has to be looked at.
                self._limit = min(2 * self._limit, LARGEST_PIECE * self._settings.seal_batch)

        async def sign() -> None:
            await self._sign_what_is_new()
            await wait_for(leaving, at_most=self._settings.checkpoint_seconds)

        tallies = self._services.tallies
        # Beside each other: what is on its way to the disk must not keep events from being sealed.
        await asyncio.gather(
            repeat("sealer", seal, leaving=leaving, tallies=tallies),
            repeat("signer", sign, leaving=leaving, tallies=tallies),
        )
        if self._tree:
            await self._leave(self._tree)
        log.info("sealer.left")

    async def _seal(self) -> int:
        tree = self._tree or await self._open()
        self._tree = tree
        try:
            sealed = await seal_next(self._services.sealing, tree, limit=self._limit)
        except HistoryTakenBack as error:
            log.warning("ledger.taken_back", error=str(error))
            self._tree = None
            return 0
        if sealed:
            self.sealed += sealed
            self._services.tallies.add(SEALED, sealed)
            self._services.hints.announce(Topic.LEDGER)
        return sealed

    async def _open(self) -> GrowingTree:
        name = self._settings.ledger_name or _name_of(self._keys)
        opened = await open_ledger(
            self._services.sealing,
            self._services.ledger,
            self._copies,
            name=name,
            provenance=self._provenance(),
        )
        tree = opened.tree
        if opened.restored:
            log.warning("ledger.restored", difference=opened.restored, origin=tree.origin)
        self._keys_in_use = []
        keys = await self._use_keys(self._keys.signers(tree.origin))
        await self._record(LedgerStarted(origin=tree.origin, keys=tuple(keys)))
        log.info("sealer.started", origin=tree.origin, size=tree.size, position=tree.last_position)
        return tree

    async def _sign_what_is_new(self) -> None:
        tree = self._tree
        if tree is None or not (tree.unpublished or tree.size > tree.signed_size):
            return
        is_signed = await self._sign(tree)
        self._services.tallies.add(CHECKPOINTS, 1, "signed" if is_signed else "another sealer's turn")

    async def _sign(self, tree: GrowingTree) -> bool:
        signers = self._keys.signers(tree.origin)
        await self._use_keys(signers)
        return await sign_checkpoint(
            self._services.sealing,
            self._copies,
            tree,
            signers,
            apart_seconds=self._settings.checkpoint_seconds * 0.9,
        )

    async def _use_keys(self, signers: list[Signer]) -> list[str]:
        keys = [str(LogKey(signer.name, signer.public_key)) for signer in signers]
        if keys != self._keys_in_use:
            change = await self._services.sealing.set_keys(keys)
            if change.added or change.retired:
                await self._record(LedgerKeysChanged(added=change.added, retired=change.retired))
                log.info("ledger.keys_changed", added=change.added, retired=change.retired)
            self._keys_in_use = keys
        return keys

    async def _leave(self, tree: GrowingTree) -> None:
        """Record that the log stops, seal that too, and sign it."""
        await self._record(LedgerStopped(origin=tree.origin))
        deadline = asyncio.get_running_loop().time() + LAST_SECONDS
        while asyncio.get_running_loop().time() < deadline:
            sealed = await seal_next(self._services.sealing, tree, limit=self._settings.seal_batch)
            self.sealed += sealed
            if not sealed and await self._sign(tree):
                return
            await asyncio.sleep(self._settings.seal_seconds)

    async def _record(self, event: AuditEvent) -> None:
        await self._services.audit.record(event, self._provenance())

    def _provenance(self) -> Provenance:
        return Provenance(actor=SEALER, command_id=self._services.ids.command_id())


def _name_of(keys: SigningKeys) -> str:
    """A name that no other ledger has."""
    return f"jobledger-{hashlib.sha256(keys.signers('')[0].public_key).hexdigest()[:12]}"
