"""Commands on the ledger, for operators: seal, erase and change keys. They need the database, not the API."""

import sys
from typing import Annotated

import typer

from domain.audit import LedgerKeysChanged
from domain.errors import IllegalTransition, JobNotFound, NotSealed
from domain.events import Actor, ActorKind, Provenance
from domain.identifiers import JobId
from domain.ledger.notes import LogKey
from domain.use_cases.erase import erase_job
from entrypoints import bootstrap
from entrypoints.api.cursors import JOB_ID
from entrypoints.cli.http import NOT_FOUND, REFUSED, leave
from entrypoints.cli.settings_here import settings_here
from entrypoints.parts import run_async, run_part
from entrypoints.services import Services
from entrypoints.settings import Settings

Reason = Annotated[str, typer.Option(help="Why; it is recorded.")]


def register(app: typer.Typer) -> None:
    app.command()(seal)
    app.command(epilog="Example: jobledger erase --job JOB_ID --reason 'request 118 of the customer'")(erase)
    app.command()(rotate_key)


def seal() -> None:
    """Give events their positions and sign checkpoints; any number may run, one at a time does it."""
    run_part("sealer")


def erase(
    job: Annotated[str, typer.Option(help="The job's id; it must have ended.")], reason: Reason
) -> None:
    """Take the personal data out of a job's history, for ever; the history and every proof of it stay."""
    if not JOB_ID.fullmatch(job):
        leave(str(JobNotFound(job)), NOT_FOUND)
    settings = settings_here()

    async def run() -> None:
        async with bootstrap.open_services(settings) as services:
            by = _provenance(services, "jobledger-erase")
            await erase_job(services.store, job_id=JobId(job), provenance=by, reason=reason)

    try:
        run_async(run())
    except JobNotFound as error:
        leave(str(error), NOT_FOUND)
    except IllegalTransition as error:
        leave(str(error), REFUSED)
    sys.stdout.write(f"What was personal about {job} is gone; its history stands. Backups still hold it.\n")


def rotate_key(
    reason: Reason,
    finish: Annotated[
        bool, typer.Option("--finish", help="Let the previous key go, once auditors have the new one.")
    ] = False,
) -> None:
    """Sign with a new key from now on, beside the one so far; with --finish, with the new one alone."""
    settings = settings_here()
    shown = run_async(_rotate(settings, reason, finish=finish))
    sys.stdout.write("Checkpoints are signed with:\n" + "".join(f"{key}\n" for key in shown))


async def _rotate(settings: Settings, reason: str, *, finish: bool) -> list[LogKey]:
    filed = bootstrap.filed_keys(settings)
    async with bootstrap.open_services(settings) as services:
        tree = await services.sealing.newest_tree()
        if tree is None:
            raise NotSealed("There is no ledger yet; start it with `jobledger up` or `jobledger seal`.")
        signers = filed.signers(tree.origin)[:1] if finish else filed.signers_to_be(tree.origin)
        keys = [LogKey(signer.name, signer.public_key) for signer in signers]
        # Recorded first, so that it is recorded with its reason, and not by the sealer when it notices.
        change = await services.sealing.set_keys([str(key) for key in keys])
        event = LedgerKeysChanged(added=change.added, retired=change.retired, reason=reason)
        await services.audit.record(event, _provenance(services, "jobledger-rotate-key"))
    if finish:
        filed.end_rotation()
    else:
        filed.begin_rotation()
    return keys


def _provenance(services: Services, command: str) -> Provenance:
    return Provenance(actor=Actor(ActorKind.OPERATOR, command), command_id=services.ids.command_id())
