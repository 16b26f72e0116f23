"""A service in memory of which users, groups and queues are limited at random, and every step of it judged.

Users and their groups submit to three queues, one of them remote; operators set, change and take back limits
and pause queues; attempts complete, fail, crash and report when nobody believes them any more. All of it are
the real use cases. Then the faults stop, paused queues are resumed, and everything must drain.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random

from domain.attempts import Attempt, Completed, Failed, Outcome, Released
from domain.claims import Claimer
from domain.errors import JobledgerError
from domain.events import Actor, ActorKind, Cause, JobError, Provenance
from domain.identifiers import UserId, WorkerId
from domain.job_types import JobTypes
from domain.limits import EVERY, Kind, Limit, Rate, Scope, group, user
from domain.ports.job_queue import HeldLease
from domain.ports.workers import Presence
from domain.retries import RetryPolicy
from domain.sample_task import sample_task
from domain.use_cases.cancel import cancel_job
from domain.use_cases.claim import claim
from domain.use_cases.claim_dispatched import claim_dispatched
from domain.use_cases.claim_isolated import claim_isolated
from domain.use_cases.dispatch import dispatch_due
from domain.use_cases.limits import pause_queue, remove_limit, resume_queue, set_limit
from domain.use_cases.look_after_calls import look_after_calls
from domain.use_cases.relay import relay_due
from domain.use_cases.settle import Finished, settle
from domain.use_cases.submit import Submission, submit_jobs
from tests.domain.test_use_cases import AnyParameters
from tests.fakes.ports import in_memory_ports
from tests.fakes.remote_compute import FakeRemoteCompute
from tests.fakes.system import CountingIds
from tests.simulation.explanations import check_explanations
from tests.simulation.invariants import Violation
from tests.simulation.limit_rules import Rules

USERS = [UserId("ana"), UserId("ben"), UserId("cleo")]
GROUPS = [None, "red", "blue"]
QUEUES = ["sample_task", "other_task", "remote_task"]
POLICY = RetryPolicy(max_attempts=3, max_lost_attempts=3, first_delay_seconds=1, max_delay_seconds=20)
LEASE_SECONDS = 30
AT_ONCE = 4
AGING = timedelta(seconds=10)
DRAIN_ROUNDS = 3_000


@dataclass
class LimitedService:
    seed: int
    acts: int = 120
    trace: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)  # noqa: S311 - a story, not a secret
        self.ports = in_memory_ports()
        self.rules = Rules(self.ports.state)
        self.ids = CountingIds()
        self.types = JobTypes([replace(sample_task, name=name, retry=POLICY) for name in QUEUES])
        self.compute = FakeRemoteCompute()
        self.running: list[Attempt] = []
        self.zombies: list[Attempt] = []
        self.called = 0

    def run(self) -> None:
        """Everything, to the end. Raises Violation."""
        asyncio.run(self._run())

    async def _run(self) -> None:
        choices: list[tuple[Callable[[], Awaitable[None]], int]] = [
            (self._submit, 12), (self._relay, 12), (self._dispatch, 4), (self._claim, 8), (self._end, 10),
            (self._call, 4), (self._look_after, 2), (self._crash, 2), (self._zombie, 2), (self._cancel, 1),
            (self._set_limit, 4), (self._remove_limit, 1), (self._pause, 1), (self._resume, 1),
            (self._let_time_pass, 8),
        ]  # fmt: skip
        acts, weights = zip(*choices, strict=True)
        for _ in range(self.acts):
            (act,) = self.random.choices(acts, weights)
            self.trace.append(act.__name__.strip("_"))
            await act()
            self._check_places()
        await self._drain()

    async def _drain(self) -> None:
        for name in QUEUES:
            await resume_queue(
                self.ports.limits, self.types, self.ports.hints, name=name, reason="r", provenance=self._by()
            )
        for scope, limit in list(self.ports.state.limits.items()):
            if limit.concurrency == 0:
                await self._limit(limit._replace(scope=scope, concurrency=1))
        for _ in range(DRAIN_ROUNDS):
            if all(view.job.has_ended for view in self.ports.state.views.values()):
                break
            for act in (self._relay, self._dispatch, self._claim, self._call, self._look_after):
                await act()
            while self.running:
                await self._settle(self.running.pop(), Completed())
            self.ports.clock.advance(5)
        self._check_the_end()

    async def _submit(self) -> None:
        now = self.ports.clock.now()
        for _ in range(self.random.choice([1, 1, 4])):
            later = now + timedelta(seconds=self.random.randrange(60))
            submission = Submission(
                job_type=self.random.choice(QUEUES),
                group_key=self.random.choice(GROUPS),
                priority=self.random.choice([0, 0, 5, 9]),
                run_at=self.random.choice([None, None, later]),
            )
            await submit_jobs(
                self.ports.store, self.types, AnyParameters(), self.ports.hints, self.ports.clock, self.ids,
                user_id=self.random.choice(USERS), submissions=[submission], provenance=self._by(),
            )  # fmt: skip

    async def _relay(self) -> None:
        limit = self.random.choice([1, 3, 10])
        state = self.ports.state
        visible = sum(
            it.visible_at <= state.clock.now() and not it.is_set_apart for it in state.queue.values()
        )
        # A full queue holds everything, whoever has room.
        places = min(limit, 12 - visible)

        async def step() -> None:
            await relay_due(
                self.ports.outbox, self.ports.hints,
                limit=limit, max_visible=12, max_visible_fairly=12, aging=AGING,
            )  # fmt: skip

        await self._judged(step, is_remote=False, places=places)

    async def _dispatch(self) -> None:
        queue = self.ports.state.queue.values()
        unclaimed = sum(it.compute is not None and not it.read_ct for it in queue)

        async def step() -> None:
            await dispatch_due(
                self.ports.dispatches, self.ports.queue, self.ports.store, self.compute, self.ids,
                limit=5, max_unclaimed=6, claim_seconds=LEASE_SECONDS, aging=AGING,
            )  # fmt: skip

        await self._judged(step, is_remote=True, places=min(5, 6 - unclaimed))

    async def _judged(self, step: Callable[[], Awaitable[None]], *, is_remote: bool, places: int) -> None:
        """A step that lets jobs go; whatever it let go, and left behind, has to be right."""
        state, rules = self.ports.state, self.rules
        is_limited = state.is_limited
        rules.look_at_rates()
        due = {entry.id: entry for entry in rules.due(is_remote=is_remote, aging=AGING)}
        before, of_old = rules.flying(), set(state.queue)
        await step()
        by_job = {entry.job_id: entry for key, entry in due.items() if key not in state.outbox}
        gone = [by_job.pop(rules.job_of(msg_id)) for msg_id in sorted(state.queue) if msg_id not in of_old]
        if by_job:
            raise Violation(next(iter(by_job)), "what leaves the outbox is in the queue")
        if is_limited:
            left = [entry for key, entry in due.items() if key in state.outbox]
            rules.check_gone(gone, before)
            rules.check_order(gone, left, before)
            if len(gone) < places:
                rules.check_nobody_is_held_for_nothing(left)
            await check_explanations(self.ports.standings, rules, left)

    async def _claim(self) -> None:
        """Workers take what is there, and a ward what may be isolated."""
        claimer = Claimer(WorkerId(f"worker-{self.random.randrange(3)}"), "local")
        store, queue, hints = self.ports.store, self.ports.queue, self.ports.hints
        here = Presence(claimer.worker_id, "local", tuple(QUEUES), AT_ONCE, 0)
        await self.ports.workers.beat(here, alive_for_seconds=LEASE_SECONDS)
        self.running += await claim(
            store, queue, hints, self.types, self.ports.clock, self.ids, self,
            claimer=claimer, limit=AT_ONCE, lease_seconds=LEASE_SECONDS,
        )  # fmt: skip
        self.running += await claim_isolated(
            store, queue, hints, self.types, self.ports.clock, self.ids, self,
            claimer=claimer, beside=(), most=1, limit=1, lease_seconds=LEASE_SECONDS,
        )  # fmt: skip

    async def _call(self) -> None:
        """Containers answer to the calls that were made since."""
        calls = list(self.compute.calls.items())
        for call_id, call in calls[self.called :]:
            attempt = await claim_dispatched(
                self.ports.store, self.ports.views, self.ports.queue, self.ports.dispatches, self.ports.hints,
                self.types, self.ports.clock, self.ids, self, claimer=Claimer(WorkerId(call_id), "modal"),
                told=HeldLease(call.msg_id, call.read_ct), call_id=call_id, lease_seconds=LEASE_SECONDS,
            )  # fmt: skip
            self.running += [attempt] if attempt else []
        self.called = len(calls)

    async def _look_after(self) -> None:
        await look_after_calls(
            self.ports.dispatches, self.ports.queue, self.ports.store, self.compute, self.ports.hints,
            self.types, self.ports.clock, self.ids, self, limit=50, hold_seconds=LEASE_SECONDS,
        )  # fmt: skip

    async def _end(self) -> None:
        error = JobError(type="Simulated", message="no", retryable=True)
        outcomes: list[Outcome] = [Completed(), Failed(cause=Cause.FAILED, error=error), Released()]
        for _ in range(self.random.randrange(4)):
            if self.running:
                attempt = self.running.pop(self.random.randrange(len(self.running)))
                await self._settle(attempt, self.random.choice(outcomes))

    async def _crash(self) -> None:
        if self.running:
            self.zombies.append(self.running.pop(self.random.randrange(len(self.running))))

    async def _zombie(self) -> None:
        """Who was silent reports after all; its lease may have passed to somebody else."""
        if self.zombies:
            await self._settle(self.zombies.pop(), Completed())

    async def _settle(self, attempt: Attempt, outcome: Outcome) -> None:
        finished = Finished(attempt=attempt, outcome=outcome, command_id=self.ids.command_id())
        await settle(
            self.ports.store, self.ports.views, self.ports.hints, self.types, self.ports.clock, self,
            worker_id=attempt.lease.worker_id, finished=[finished],
        )  # fmt: skip

    async def _cancel(self) -> None:
        if jobs := sorted(self.ports.state.views):
            with suppress(JobledgerError):
                await cancel_job(
                    self.ports.store, self.ports.hints, job_id=self.random.choice(jobs), provenance=self._by()
                )

    async def _set_limit(self) -> None:
        rate = Rate(self.random.choice([1, 3]), self.random.choice([1, 10]), self.random.choice([1, 4]))
        await self._limit(
            Limit(
                self._scope(),
                concurrency=self.random.choice([None, 0, 1, 2, 5]),
                rate=self.random.choice([None, None, rate]),
                weight=self.random.choice([None, 1, 3]),
            )
        )

    async def _limit(self, wanted: Limit) -> None:
        if wanted.is_active and wanted.scope.kind is not Kind.QUEUE:
            await set_limit(
                self.ports.limits, self.ports.hints, wanted=wanted, reason="r", provenance=self._by()
            )

    async def _remove_limit(self) -> None:
        with suppress(JobledgerError):
            await remove_limit(
                self.ports.limits, self.ports.hints, scope=self._scope(), reason="r", provenance=self._by()
            )

    def _scope(self) -> Scope:
        whose = self.random.choice([*USERS, EVERY])
        name = EVERY if whose == EVERY else self.random.choice(["red", EVERY])
        return self.random.choice([user(whose), group(whose, name)])

    async def _pause(self) -> None:
        name = self.random.choice(QUEUES)
        await pause_queue(self.ports.limits, self.types, name=name, reason="r", provenance=self._by())

    async def _resume(self) -> None:
        name = self.random.choice(QUEUES)
        await resume_queue(
            self.ports.limits, self.types, self.ports.hints, name=name, reason="r", provenance=self._by()
        )

    async def _let_time_pass(self) -> None:
        self.ports.clock.advance(self.random.choice([0.1, 1, 3, 10, LEASE_SECONDS + 1]))

    def _check_places(self) -> None:
        """An attempt's slot is its one message: given back with it, and never held while a retry waits."""
        state = self.ports.state
        messages = [self.rules.job_of(msg_id) for msg_id in state.queue]
        waiting = {entry.job_id for entry in state.outbox.values()}
        for job_id in messages:
            if messages.count(job_id) > 1:
                raise Violation(job_id, "a job takes one place at most")
            if job_id in waiting:
                raise Violation(job_id, "what waits for its retry takes no place")

    def _check_the_end(self) -> None:
        for view in self.ports.state.views.values():
            if not view.job.has_ended:
                raise Violation(view.job.id, "nothing waits for ever")

    def chance(self) -> float:
        return self.random.random()

    def _by(self) -> Provenance:
        return Provenance(actor=Actor(ActorKind.USER, "operator"), command_id=self.ids.command_id())
