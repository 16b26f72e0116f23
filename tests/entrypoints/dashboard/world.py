"""An hour in the life of a service, lived through in memory: what the dashboard's tests look at."""

import heapq
import random
from collections.abc import Callable, Iterator
from dataclasses import MISSING, dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from adapters.ed25519 import Ed25519Signer
from adapters.in_memory.health import InMemoryHealth
from adapters.in_memory.state import Message
from adapters.parameters import PydanticParameterParser
from domain import decisions
from domain.audit import RecoverySwept
from domain.events import (
    Actor,
    ActorKind,
    AttemptFailed,
    Cause,
    JobCompleted,
    JobError,
    JobEvent,
    JobFailed,
    Progress,
    Provenance,
)
from domain.identifiers import JobId, MessageId, UserId, WorkerId
from domain.job import Job, Lease
from domain.job_types import JobTypes
from domain.ledger.merkle import Frontier
from domain.ledger.notes import Checkpoint, LogKey, sign
from domain.limits import EVERY, Limit, Rate, group, user
from domain.ports.archive import ArchivedMonth
from domain.ports.event_store import Appended, Change
from domain.ports.workers import Presence
from domain.retries import RetryPolicy
from domain.sample_task import sample_task
from domain.use_cases.limits import pause_queue, set_limit
from domain.views import JobView
from entrypoints.services import Services
from tests.fakes.ports import in_memory_ports
from tests.fakes.system import CountingIds, FixedChance

POLICY = RetryPolicy(max_attempts=3, first_delay_seconds=4, max_delay_seconds=60)
WORKERS = (WorkerId("3f0c9a71be24"), WorkerId("b81d52e6f90a"))
USERS = (UserId("8c1f4e0a-ana"), UserId("52d7b9c3-ben"), UserId("local-user"))
KINDS = {"sample_task": 0.4, "render_report": 5.0, "send_invoice": 0.9}
MINUTES = 62
SIGNER = Ed25519Signer("jobledger.example/log", b"\7" * 32)
REFUSED = JobError(type="ConnectionError", message="the mail server did not answer within 10 seconds")
BROKEN = JobError(type="TemplateMissing", message="no template is named 'q3-summary'", retryable=False)

Decide = Callable[[Job], JobEvent]


@dataclass
class LivingClock:
    """Goes where it is put, and with the machine's clock once it is let go."""

    at: datetime | None

    def now(self) -> datetime:
        return self.at or datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        raise NotImplementedError


class Step(NamedTuple):
    """What happens next to a job, `after` so many seconds, and by whom."""

    after: float
    actor: Actor
    decide: Decide


class Absent:
    """A port that the dashboard has no business with."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, method: str) -> object:
        raise AssertionError(f"the dashboard asked {self._name} for {method}")


class NoArchive:
    """No month was ever archived."""

    async def find(self, month: date) -> None:
        return

    async def all(self) -> list[ArchivedMonth]:
        return []


def _uuid7(at: datetime, chance: random.Random) -> JobId:
    rest = f"7{chance.getrandbits(12):03x}{0b10 << 62 | chance.getrandbits(62):016x}"
    digits = f"{int(at.timestamp() * 1000):012x}{rest}"
    return JobId("-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])))


def worker(name: WorkerId) -> Actor:
    return Actor(ActorKind.WORKER, name)


def person(user: UserId, kind: ActorKind = ActorKind.USER) -> Actor:
    return Actor(kind, user)


class World:
    """The services of a dashboard over the in-memory adapters, and jobs that lived through the last hour."""

    def __init__(self) -> None:
        ports = in_memory_ports()
        self.clock = LivingClock(datetime.now(UTC) - timedelta(minutes=MINUTES))
        ports.state.clock = self.clock
        self.ports = ports
        self.ids = CountingIds()
        self.frontier = Frontier()
        self.chance = random.Random(7)  # noqa: S311 - not cryptography
        types = JobTypes(
            [sample_task, *(replace(sample_task, name=name) for name in KINDS if name != sample_task.name)]
        )
        needed = [port.name for port in fields(Services) if port.default_factory is MISSING]
        found: dict[str, Any] = {name: getattr(ports, name, Absent(name)) for name in needed}
        found |= {
            "archived_months": NoArchive(),
            "health": InMemoryHealth(ports.state),
            "types": types,
            "parser": PydanticParameterParser(types),
            "clock": self.clock,
            "ids": self.ids,
            "randomness": FixedChance(),
        }
        self.services = Services(**found)

    async def do(
        self, before: JobView | None, event: JobEvent, actor: Actor, job_id: JobId | None = None
    ) -> JobView:
        """Record one event; the job after it."""
        known = before.job.id if before else job_id
        assert known
        is_person = actor.kind in (ActorKind.USER, ActorKind.OPERATOR)
        provenance = Provenance(
            actor=actor,
            command_id=self.ids.command_id(),
            request_id=f"{self.chance.getrandbits(64):016x}" if is_person else None,
        )
        has_ended = isinstance(event, JobCompleted | AttemptFailed | JobFailed)
        lease = before.job.lease if before else None
        settles = lease.msg_id if lease and has_ended else None
        change = Change(job_id=known, before=before, event=event, provenance=provenance, settles=settles)
        (outcome,) = await self.services.store.append([change])
        assert isinstance(outcome, Appended)
        return outcome.after

    async def submit(
        self, *, user: UserId = USERS[2], job_type: str = "sample_task", **asked: object
    ) -> JobView:
        event = decisions.submit(
            user_id=user,
            job_type=job_type,
            policy=POLICY,
            at=self.clock.now(),
            **asked,  # type: ignore[arg-type]
        )
        return await self.do(None, event, person(user), _uuid7(self.clock.now(), self.chance))

    async def start(self, view: JobView, name: WorkerId = WORKERS[0]) -> JobView:
        """As a worker does that keeps its lease, by a message that stays until the attempt has ended."""
        msg_id = MessageId(self.ports.state.next_id())
        until = self.clock.now() + timedelta(hours=1)
        self.ports.state.queue[msg_id] = Message(f'{{"job_id":"{view.job.id}"}}', until, read_ct=1)
        event = decisions.start(view.job, lease=Lease(name, msg_id, 1), compute="local")
        return await self.do(view, event, worker(name))

    async def complete(self, view: JobView) -> JobView:
        return await self.do(view, decisions.complete(view.job, result={"pages": 12}), worker(WORKERS[0]))

    async def report(self, view: JobView, percent: int) -> JobView:
        progress = Progress(percent=percent, message=f"page {percent // 8} of 12")
        return await self.do(view, decisions.report_progress(view.job, progress=progress), worker(WORKERS[0]))

    async def fail(self, view: JobView, error: JobError = BROKEN) -> JobView:
        return await self.do(view, self._failing(error)(view.job), worker(WORKERS[0]))

    def _failing(self, error: JobError) -> Decide:
        return lambda job: decisions.fail(
            job, error=error, cause=Cause.FAILED, policy=POLICY, chance=0.5, at=self.clock.now()
        )

    async def count(self) -> None:
        while await self.services.statistics.advance(limit=10_000):
            pass

    async def seal(self) -> None:
        """Seal everything and sign it, as the sealer does."""
        await self.services.sealing.begin_tree(origin=SIGNER.name)
        await self.services.sealing.set_keys([str(LogKey(SIGNER.name, SIGNER.public_key))])
        tree = await self.services.sealing.newest_tree()
        assert tree
        while tick := await self.services.sealing.seal(limit=10_000):
            self.frontier.extend(tick.leaf_hashes)
        size = self.frontier.size
        note = str(sign(Checkpoint(tree.origin, size, self.frontier.root()).body, [SIGNER]))
        await self.services.sealing.add_checkpoint(
            tree, size=size, note=note, roots=self.frontier.take_roots(), apart_seconds=0
        )

    async def live_through(self, jobs: int) -> None:
        """Let the hour pass with so many jobs in it, and then let the clock go on with the machine's."""
        begin = self.clock.now()
        length = MINUTES * 60.0
        due: list[tuple[float, int, JobView | None, Iterator[Step]]] = []
        for number in range(jobs):
            # More and more of them towards the end.
            heapq.heappush(due, (length * self.chance.random() ** 0.7, number, None, self._story()))
        while due:
            at, number, view, story = heapq.heappop(due)
            if at > length:
                continue
            self.clock.at = begin + timedelta(seconds=at)
            if view is None:
                view = await self._new_job()
            else:
                step = next(story, None)
                if step is None:
                    continue
                view = await self.do(view, step.decide(view.job), step.actor)
            peeked = next(story, None)
            if peeked:
                waits = (view.job.due_at - self.clock.now()).total_seconds() if view.job.due_at else 0.0
                then = at + peeked.after + (waits if waits < MINUTES * 60 else 0.0)
                heapq.heappush(due, (then, number, view, _with(peeked, story)))
        self.clock.at = None
        await self._look_after()
        await self.count()
        await self.seal()

    async def _new_job(self) -> JobView:
        kind = self.chance.choices(list(KINDS), (6, 2, 3))[0]
        tags = self.chance.choice([(), (), ("nightly",), ("invoices", "q3"), ("import",)])
        user = self.chance.choice(USERS)
        later = self.clock.now() + timedelta(hours=3) if self.chance.random() < 0.015 else None
        parameters = {"steps": self.chance.randint(1, 9), "customer": self.chance.randint(1000, 9999)}
        return await self.submit(user=user, job_type=kind, tags=tags, run_at=later, job_parameters=parameters)

    def _story(self) -> Iterator[Step]:
        name = self.chance.choice(WORKERS)
        kind = self.chance.random()
        if kind < 0.02:
            yield Step(
                self.chance.uniform(0, 2),
                person(USERS[0]),
                partial(decisions.cancel, reason="sent twice"),
            )
            return
        tries = 1 if kind < 0.88 else 2 if kind < 0.96 else 3
        for number in range(1, tries + 1):
            lease = Lease(name, MessageId(self.chance.randrange(1, 2**40)), 1)
            waits = self.chance.lognormvariate(-3.2, 0.9)
            yield Step(waits, worker(name), partial(decisions.start, lease=lease, compute="local"))
            took = self.chance.lognormvariate(0.2, 0.8)
            if number < tries or kind > 0.985:
                yield Step(took, worker(name), self._failing(REFUSED if kind < 0.985 else BROKEN))
                if kind > 0.985:
                    return
            else:
                yield Step(took, worker(name), partial(decisions.complete, result={"pages": 12}))

    async def _look_after(self) -> None:
        for number, name in enumerate(WORKERS):
            presence = Presence(name, "local", tuple(KINDS), 1500, 3 - number)
            await self.services.workers.beat(presence, alive_for_seconds=3600)
        for scanned in (0, 214, 0):
            sweep = RecoverySwept(
                scanned=scanned, silent_for_seconds=900, acted_count=0, skipped_count=0, months_made=0
            )
            provenance = Provenance(
                actor=Actor(ActorKind.RECOVERY, "c03e11d2a7b9"), command_id=self.ids.command_id()
            )
            await self.services.audit.record(sweep, provenance)

    async def troubled_job(self) -> JobView:
        """A job with a story: it failed twice, was retried by hand, and runs."""
        began = datetime.now(UTC) - timedelta(seconds=95)

        def at(seconds: float) -> None:
            self.clock.at = began + timedelta(seconds=seconds)

        at(0)
        parameters = {"report": "q3-summary", "format": "pdf", "recipients": ["ana", "ben"]}
        view = await self.submit(job_type="render_report", tags=("q3",), job_parameters=parameters)
        at(3.1)
        view = await self.start(view)
        at(14.8)
        view = await self.fail(view, REFUSED)
        at(21.4)
        view = await self.start(view, WORKERS[1])
        at(26.2)
        view = await self.report(view, 25)
        at(33.9)
        view = await self.fail(view)
        at(58.0)
        retried = decisions.retry(view.job, reason="the template is there now")
        view = await self.do(view, retried, person(UserId("op-erika"), ActorKind.OPERATOR))
        at(58.4)
        view = await self.start(view)
        for number in range(1, 6):
            at(58.4 + 6 * number)
            view = await self.report(view, 8 * number)
        self.clock.at = None
        return view

    async def limit(self) -> None:
        """Have an operator pause a queue and limit a user and everybody's groups."""
        ports, hints = self.services.limits, self.services.hints

        def by() -> Provenance:
            return Provenance(actor=Actor(ActorKind.OPERATOR, "op-erika"), command_id=self.ids.command_id())

        reason = "the mail server is down until Monday"
        await pause_queue(ports, self.services.types, name="send_invoice", reason=reason, provenance=by())
        for wanted, reason in [
            (Limit(user(USERS[0]), concurrency=10, rate=Rate(60, 60, 5)), "their contract says so"),
            (Limit(user(USERS[1]), weight=3), "pays for three"),
            (Limit(group(EVERY, EVERY), concurrency=4), "no customer's import is everybody's wait"),
        ]:
            await set_limit(ports, hints, wanted=wanted, reason=reason, provenance=by())
        for _ in range(3):
            await self.submit(job_type="send_invoice")


def _with(first: Step, rest: Iterator[Step]) -> Iterator[Step]:
    yield first
    yield from rest
