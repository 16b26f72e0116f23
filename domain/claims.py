"""What a claim writes: who starts the next attempt of a waiting job, and under which lease."""

from typing import NamedTuple

from domain import decisions
from domain.events import Actor, ActorKind, Provenance
from domain.identifiers import WorkerId
from domain.job import Lease
from domain.ports.event_store import Change
from domain.views import JobView


class Claimer(NamedTuple):
    """Who claims: a worker process, and the compute that it runs attempts on."""

    worker_id: WorkerId
    compute: str


def provenance_of(claimer: Claimer, *, view: JobView, command_id: str) -> Provenance:
    """A claim's place in the job's trace."""
    actor = Actor(ActorKind.WORKER, claimer.worker_id)
    return Provenance(actor=actor, command_id=command_id, traceparent=view.traceparent)


def start(view: JobView, *, lease: Lease, claimer: Claimer, command_id: str) -> Change:
    """The change that starts an attempt; raises IllegalTransition when the job does not wait."""
    return Change(
        job_id=view.job.id,
        before=view,
        event=decisions.start(view.job, lease=lease, compute=claimer.compute),
        provenance=provenance_of(claimer, view=view, command_id=command_id),
    )
