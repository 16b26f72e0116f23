"""The real use cases over the in-memory adapters, with one seed for everything that may happen.

Every call of a port is a point at which another process may go on, this one may be killed (before the call,
or after it, when its effect stands and its answer is lost), or time may pass. Workers' clocks are wrong, and
workers freeze and wake up as zombies; nobody heeds hints, as if all were lost. Then the faults stop, and
everything must drain.
"""

import hashlib
import types
from collections.abc import Coroutine, Generator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, cast

from domain import decisions
from domain.attempts import AlreadySettled, Attempt, Completed, Failed, Outcome, Released, Stopped, StopReason
from domain.claims import Claimer
from domain.errors import AttemptGivenUp, JobledgerError
from domain.events import Actor, ActorKind, Cause, JobError, JobEvent, Progress, Provenance
from domain.identifiers import JobId, UserId, WorkerId
from domain.job import Job
from domain.job_types import JobTypes, OutcomeTransaction
from domain.retries import RetryPolicy
from domain.sample_task import sample_task
from domain.use_cases.cancel import cancel_job
from domain.use_cases.claim import claim
from domain.use_cases.claim_isolated import claim_isolated
from domain.use_cases.keep_lease import keep_leases
from domain.use_cases.relay import relay_due
from domain.use_cases.report_progress import report_progress
from domain.use_cases.retry import retry_job
from domain.use_cases.settle import Finished, settle
from domain.use_cases.settle_crashed import settle_crashed
from domain.use_cases.submit import Accepted, Submission, submit_jobs
from tests.domain.test_use_cases import AnyParameters
from tests.fakes.ports import InMemoryPorts, in_memory_ports
from tests.fakes.system import CountingIds
from tests.simulation.invariants import Violation, Watcher, check_company

LEASE_SECONDS = 30
AT_ONCE = 3
DRAIN_STEPS = 20_000
POLICY = RetryPolicy(max_attempts=3, max_lost_attempts=3, first_delay_seconds=1, max_delay_seconds=20)


class Killed(BaseException):
    """What a process feels of kill -9: nothing it could catch."""


@types.coroutine
def turn() -> Generator[None, None, None]:
    """Let somebody else go on."""
    yield


@dataclass(frozen=True, slots=True)
class SkewedClock:
    ports: InMemoryPorts
    skew: timedelta

    def now(self) -> datetime:
        return self.ports.clock.now() + self.skew

    async def sleep(self, seconds: float) -> None:
        await turn()


class Proxy:
    """A port, as one process sees it: each call may be its last."""

    def __init__(self, simulator: "Simulator", process: str, real: Any) -> None:
        self._simulator = simulator
        self._process = process
        self._real = real

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._real, name)
        if name in ("announce", "deciding"):
            return method

        async def call(*arguments: Any, **named: Any) -> Any:
            await self._simulator.step(self._process, f"{name}?")
            answer = await method(*arguments, **named)
            await self._simulator.step(self._process, f"{name}!")
            return answer

        return call


@dataclass(slots=True)
class Process:
    name: str
    work: Coroutine[Any, Any, None]
    frozen_until: int = 0


@dataclass
class Simulator:
    """One run. `faults` is the chance of a kill at each step.

    The first `culprits` of the jobs kill every process that runs them.
    """

    seed: int
    jobs: int = 6
    workers: int = 2
    faults: float = 0.01
    culprits: int = 0
    trace: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)  # noqa: S311 - a schedule, not a secret
        self.ports = in_memory_ports()
        self.watcher = Watcher(self.ports.state)
        self.ids = CountingIds()
        self.types = JobTypes([sample_task])
        self.accepted: set[JobId] = set()
        self.processes: list[Process] = []
        self._steps = 0
        self._born = 0

    def run(self) -> str:
        """Everything, to the end; the trace's digest. Raises Violation."""
        self._spawn_all()
        try:
            self._run()
        finally:
            for process in self.processes:
                process.work.close()
        return hashlib.sha256("\n".join(self.trace).encode()).hexdigest()

    def _run(self) -> None:
        while any(process.name.startswith("client") for process in self.processes):
            self._go_on()
        self.faults = 0.0
        for _ in range(DRAIN_STEPS):
            if self._is_drained():
                break
            self._go_on()
        self._check_the_end()

    async def step(self, process: str, what: str) -> None:
        """A point at which anything may happen to a process."""
        self.trace.append(f"{process} {what}")
        await turn()
        if self.faults and not process.startswith("client") and self.random.random() < self.faults:
            self.trace.append(f"{process} killed")
            raise Killed

    def chance(self) -> float:
        return self.random.random()

    def _spawn_all(self) -> None:
        self._spawn("client", self._client())
        self._spawn("relay", self._relay())
        for _ in range(self.workers):
            self._spawn_worker("worker")
        self._spawn_worker("ward")

    def _spawn(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        self.processes.append(Process(name, work))

    def _spawn_worker(self, kind: str, exited: str | None = None) -> None:
        """A worker or a ward, for one that `exited`, of which its supervisor may or may not tell it."""
        self._born += 1
        name = f"{kind}-{self._born}"
        told = exited if exited and self.random.random() < 0.5 else None
        self._spawn(name, self._worker(name, timedelta(seconds=self.random.uniform(-120, 120)), told))

    def _go_on(self) -> None:
        self._steps += 1
        if self.random.random() < 0.2:
            self.ports.clock.advance(self.random.choice([0.1, 1, 5, LEASE_SECONDS + 1]))
        awake = [process for process in self.processes if process.frozen_until <= self._steps]
        if not awake:
            return
        process = self.random.choice(awake)
        if self.faults and process.name.startswith(("worker", "ward")) and self.random.random() < self.faults:
            process.frozen_until = self._steps + self.random.choice([50, 400])
            self.trace.append(f"{process.name} freezes")
        try:
            process.work.send(None)
        except StopIteration:
            self.processes.remove(process)
        except Killed:
            self.processes.remove(process)
            self._replace(process)
        self.watcher.check()

    def _replace(self, process: Process) -> None:
        kind = process.name.split("-")[0]
        if kind == "relay":
            self._spawn("relay", self._relay())
        else:
            self._spawn_worker(kind, process.name)

    def _port(self, process: str, real: Any) -> Any:
        return Proxy(self, process, real)

    async def _client(self) -> None:
        name = "client"
        store = self._port(name, self.ports.store)
        hints = self.ports.hints
        for number in range(self.jobs):
            submission = Submission(
                job_type="sample_task",
                job_parameters={"transacts": number % 3 == 0, "kills": number < self.culprits},
                idempotency_key=f"key-{number}",
                fingerprint="f",
            )
            # A client whose answer got lost asks again, with the same key.
            for _ in range(self.random.choice([1, 1, 2])):
                (answer,) = await submit_jobs(
                    store, self.types, AnyParameters(), hints, self.ports.clock, self.ids,
                    user_id=UserId("user-1"), submissions=[submission], provenance=self._by("user-1"),
                )  # fmt: skip
                assert isinstance(answer, Accepted)
                self.accepted.add(answer.view.job.id)
            for _ in range(self.random.randrange(20)):
                await self.step(name, "waits")
            if self.random.random() < 0.4:
                act = self.random.choice([cancel_job, cancel_job, retry_job])
                job_id = self.random.choice(sorted(self.accepted))
                with suppress(JobledgerError):
                    await act(store, hints, job_id=job_id, provenance=self._by("user-1"), reason="r")

    async def _relay(self) -> None:
        outbox = self._port("relay", self.ports.outbox)
        while True:
            await relay_due(outbox, self.ports.hints, limit=self.random.choice([1, 10]), max_visible=5)

    async def _worker(self, name: str, skew: timedelta, exited: str | None) -> None:
        store = self._port(name, self.ports.store)
        queue = self._port(name, self.ports.queue)
        views = self._port(name, self.ports.views)
        clock = SkewedClock(self.ports, skew)
        worker = WorkerId(name)
        if exited:
            await settle_crashed(
                self._port(name, self.ports.recovery), store, self.ports.hints, self.types, clock, self,
                gone=[WorkerId(exited)],
                provenance=Provenance(Actor(ActorKind.WORKER, name), self.ids.command_id()),
            )  # fmt: skip
        while True:
            claimer, limit = Claimer(worker_id=worker, compute="simulated"), self.random.choice([1, AT_ONCE])
            if name.startswith("ward"):
                attempts = await claim_isolated(
                    store, queue, self.ports.hints, self.types, clock, self.ids, self,
                    claimer=claimer, beside=(), most=AT_ONCE, limit=limit, lease_seconds=LEASE_SECONDS,
                )  # fmt: skip
            else:
                attempts = await claim(
                    store, queue, self.ports.hints, self.types, clock, self.ids, self,
                    claimer=claimer, limit=limit, lease_seconds=LEASE_SECONDS,
                )  # fmt: skip
            check_company(attempts, is_ward=name.startswith("ward"), most=AT_ONCE)
            for attempt in attempts:
                outcome = await self._work(name, attempt, store, queue, views)
                finished = Finished(attempt=attempt, outcome=outcome, command_id=self.ids.command_id())
                await settle(
                    store, views, self.ports.hints, self.types, clock, self,
                    worker_id=worker, finished=[finished],
                )  # fmt: skip
                self.watcher.check_reported(finished)

    async def _work(self, name: str, attempt: Attempt, store: Any, queue: Any, views: Any) -> Outcome:
        """A function that takes some turns, reports, keeps its lease or forgets to, and ends somehow."""
        parameters = cast("dict[str, bool]", attempt.view.job_parameters)
        if parameters["kills"]:
            self.trace.append(f"{name} brought-down")
            raise Killed
        for _ in range(self.random.randrange(6)):
            await self.step(name, "works")
            if self.random.random() < 0.5:
                await keep_leases(queue, attempts=[attempt], lease_seconds=LEASE_SECONDS)
            if self.random.random() < 0.2:
                attempt.progress = Progress(percent=self.random.randrange(100))
                worker = attempt.lease.worker_id
                await report_progress(store, views, self.ids, worker_id=worker, attempts=[attempt])
            if attempt.stopped_for is StopReason.CANCELLED:
                return Stopped()
        if parameters["transacts"] and self.random.random() < 0.8:
            with suppress(AttemptGivenUp):
                return await self._transact(name, attempt)
        error = JobError(type="Simulated", message="no", retryable=self.random.random() < 0.9)
        chosen: list[Outcome] = [
            Completed(result=self.random.randrange(100)),
            Completed(),
            Failed(cause=self.random.choice([Cause.FAILED, Cause.TIMED_OUT]), error=error),
            Released(),
        ]
        return self.random.choice(chosen)

    async def _transact(self, name: str, attempt: Attempt) -> Outcome:
        def decide(job: Job, transaction: OutcomeTransaction) -> JobEvent:
            if not decisions.owns(job, attempt=attempt.number, lease=attempt.lease):
                raise AttemptGivenUp(job.id, attempt.number)
            return decisions.complete(job, result=transaction.result)

        async with self.ports.store.deciding(
            attempt.job_id,
            provenance=Provenance(
                actor=Actor(ActorKind.WORKER, attempt.lease.worker_id), command_id=self.ids.command_id()
            ),
            settles=attempt.lease.msg_id,
            decide=decide,
        ) as transaction:
            transaction.connection.append(attempt.job_id)
            await self.step(name, "transacts")
            transaction.result = "transacted"
        assert transaction.after
        return AlreadySettled(transaction.after)

    def _by(self, user: str) -> Provenance:
        return Provenance(actor=Actor(ActorKind.USER, user), command_id=self.ids.command_id())

    def _is_drained(self) -> bool:
        state = self.ports.state
        ended = all(view.job.has_ended for view in state.views.values())
        return ended and not state.outbox and not state.queue

    def _check_the_end(self) -> None:
        state = self.ports.state
        for job_id in self.accepted:
            if job_id not in state.views:
                raise Violation(job_id, "an accepted job exists")
        for view in state.views.values():
            if not view.job.has_ended:
                raise Violation(view.job.id, "every job ends once the faults have stopped")
        if state.outbox or state.queue:
            raise Violation(JobId("?"), "nothing is left in outbox or queue")
        if state.parked:
            raise Violation(JobId("?"), "no good message is parked")
        self.watcher.check_effects()
