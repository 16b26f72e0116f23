"""What a job, its messages and the attempts at it are, without what cannot make a difference."""

from typing import NamedTuple

from domain.attempts import Completed, Failed, Outcome, Released, Stopped
from domain.identifiers import MessageId, WorkerId
from domain.job import Job, Lease
from domain.lifecycle import Status
from domain.ports.job_queue import Delivery
from domain.use_cases import claim
from domain.views import JobView
from tests.builders import NOW

WORKER = WorkerId("worker")


class Message(NamedTuple):
    msg_id: int
    read_ct: int
    is_visible: bool


class Held(NamedTuple):
    """What one attempt knows. `outcome` is None until its function has ended; `is_started` until claimed.

    `known` is the job as it was when it was last looked at, and `is_fresh` whether it still is that.
    """

    msg_id: int
    read_ct: int
    known: Job
    is_fresh: bool
    is_started: bool = False
    outcome: Outcome | None = None

    @property
    def lease(self) -> Lease:
        return Lease(WORKER, MessageId(self.msg_id), self.read_ct)


class Local(NamedTuple):
    job: Job
    in_outbox: bool
    messages: tuple[Message, ...]
    held: tuple[Held, ...]
    has_outcome: bool = False


def is_current(state: Local, held: Held) -> bool:
    """The version gate of an append."""
    return held.known.version == state.job.version


def deliveries(state: Local) -> set[tuple[int, int]]:
    """Each delivery that anybody remembers, and each message."""
    leases = [state.job.lease, *(held.known.lease for held in state.held)]
    found = {(message.msg_id, message.read_ct) for message in state.messages}
    found |= {(held.msg_id, held.read_ct) for held in state.held}
    return found | {(lease.msg_id, lease.read_ct) for lease in leases if lease}


def canonical(state: Local) -> Local:
    """The state without what cannot make a difference."""
    remembered = sorted(deliveries(state))
    numbers = sorted({msg_id for msg_id, _ in remembered})
    ids = {msg_id: number for number, msg_id in enumerate(numbers, start=1)}
    counts: dict[tuple[int, int], int] = {}
    for msg_id, read_ct in remembered:
        counts[msg_id, read_ct] = sum(key[0] == msg_id for key in counts) + (read_ct > 0)

    job = state.job
    # A retry by hand gives fresh budgets, so what was spent before an end is forgotten on the way there.
    forgets = job.has_ended or job.status is Status.CANCELLING
    spent = (0, 0) if forgets else (job.failed_attempts, job.lost_attempts)
    job = job._replace(
        version=2,
        attempt=0,
        failed_attempts=spent[0],
        lost_attempts=spent[1],
        status=Status.PENDING if job.is_waiting else job.status,
        due_at=NOW if job.due_at else None,
        lease=job.lease
        and Lease(WORKER, MessageId(ids[job.lease.msg_id]), counts[job.lease.msg_id, job.lease.read_ct]),
    )
    held = []
    for item in state.held:
        mine = item._replace(msg_id=ids[item.msg_id], read_ct=counts[item.msg_id, item.read_ct])
        if item.is_started and item.lease != state.job.lease and item.outcome:
            # Of an attempt that was given up it makes no difference what it has to report, if anything.
            reports = isinstance(item.outcome, Completed | Failed)
            mine = mine._replace(outcome=Completed() if reports else Released())
        known = job if is_current(state, item) else _as_it_was_known(item, mine.lease, job)
        held.append(mine._replace(known=known))
    messages = [Message(ids[m.msg_id], counts[m.msg_id, m.read_ct], m.is_visible) for m in state.messages]
    return Local(
        job,
        state.in_outbox,
        tuple(sorted(messages)),
        tuple(sorted(held, key=repr)),
        state.has_outcome,
    )


def _as_it_was_known(held: Held, lease: Lease, job: Job) -> Job:
    """A past job, as far as it matters: who decides on it loses, but for who deletes a finished message."""
    known = job._replace(version=1, failed_attempts=0, lost_attempts=0, due_at=None, lease=None)
    if held.is_started:
        was_stopped = isinstance(held.outcome, Stopped)
        return known._replace(status=Status.CANCELLING if was_stopped else Status.PROCESSING, lease=lease)
    view = JobView(job=held.known, created_at=NOW, updated_at=NOW)
    delivery = Delivery(MessageId(held.msg_id), held.read_ct, job.id, view, "")
    if held.known.is_waiting or claim.is_lapsed(view, delivery):
        return known._replace(status=Status.PENDING, due_at=NOW)
    return known._replace(status=Status.CANCELLED)
