"""The same story over the adapters in memory and over PostgreSQL: they let the same go, in the same order.

So what the simulation shows of the one holds for the other, too.
"""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from domain import limits
from domain.explanation import Patience, explain
from domain.identifiers import JobId, UserId
from domain.limits import Limit, Rate, Scope
from domain.ports.job_queue import HeldLease
from tests.builders import submission
from tests.contracts.test_limits import pause, resume, set_limit
from tests.fakes.ports import InMemoryPorts, Ports, in_memory_ports

# Long ago for the clock in memory as for PostgreSQL's: all is due, and how much earlier is what is told.
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
USERS = [UserId("ana"), UserId("ben"), UserId("cleo")]
QUEUES = ["sample_task", "other_task", "remote_task"]
AGING = timedelta(seconds=20)
PATIENCE = Patience(timedelta(seconds=30), timedelta(hours=1), timedelta(minutes=15))


class Twins:
    """Two sets of ports to which the same is done."""

    def __init__(self, both: tuple[InMemoryPorts, Ports], random: Random) -> None:
        self.both = both
        self.random = random
        self.leases: dict[JobId, tuple[HeldLease, ...]] = {}
        self.waiting: list[JobId] = []

    async def submit(self) -> None:
        random = self.random
        changes = [
            submission(
                user_id=random.choice(USERS),
                group_key=random.choice([None, "red", "blue"]),
                job_type=random.choice(QUEUES),
                priority=random.choice([0, 0, 5, 9]),
                at=LONG_AGO,
                run_at=LONG_AGO + timedelta(seconds=random.randrange(1, 300)),
            )
            for _ in range(random.randrange(1, 12))
        ]
        for ports in self.both:
            await ports.store.append(changes)
        self.waiting += [change.job_id for change in changes]

    async def let_go(self) -> list[list[JobId]]:
        """What each lets go to local workers and to remote compute, in its order."""
        limit = self.random.choice([2, 5, 20])
        gone = []
        leases: list[dict[JobId, HeldLease]] = []
        for ports in self.both:
            # The relay first: it shares out what was submitted before anything was limited.
            await ports.outbox.relay(limit=limit, max_visible=1_000, aging=AGING)
            handed = await ports.dispatches.hand_over(
                compute="modal", limit=limit, max_unclaimed=8, claim_seconds=90_000, aging=AGING
            )
            received = await ports.queue.receive(limit=100, lease_seconds=90_000)
            leases.append({it.job_id: it.lease for it in [*handed, *received] if it.job_id})
            gone.append(list(leases[-1]))
        self.leases |= {it: tuple(of[it] for of in leases if it in of) for it in gone[0]}
        self.waiting = [it for it in self.waiting if it not in self.leases]
        return gone

    async def end(self) -> None:
        """Some attempts end."""
        for job_id in self.random.sample(
            sorted(self.leases), min(len(self.leases), self.random.randrange(8))
        ):
            for ports, lease in zip(self.both, self.leases.pop(job_id), strict=True):
                await ports.queue.delete([lease])

    async def limit(self) -> None:
        whose = self.random.choice([*USERS, limits.EVERY])
        name = limits.EVERY if whose == limits.EVERY else self.random.choice(["red", limits.EVERY])
        scope: Scope = self.random.choice([limits.user(whose), limits.group(whose, name)])
        # Slow enough for the two clocks, which do not go alike.
        rate = Rate(1, 86_400, self.random.randrange(1, 4))
        made = Limit(
            scope,
            concurrency=self.random.choice([None, 0, 2, 5]),
            rate=self.random.choice([None, None, rate]),
            weight=self.random.choice([None, 1, 3]),
        )
        for ports in self.both:
            await set_limit(ports, scope, concurrency=made.concurrency, rate=made.rate, weight=made.weight)

    async def pause_or_resume(self) -> None:
        name = self.random.choice(QUEUES)
        limit = await self.both[0].limits.get(limits.queue(name))
        for ports in self.both:
            await (resume if limit and limit.is_paused else pause)(ports, name)

    async def explained(self) -> list[list[tuple[str, Limit | None, int]]]:
        """Of some that wait, what each says why."""
        asked = self.random.sample(self.waiting, min(len(self.waiting), 3))
        told: list[list[tuple[str, Limit | None, int]]] = []
        for ports in self.both:
            told.append([])
            for job_id in asked:
                standing = await ports.standings.of(job_id)
                assert standing
                hold = standing.hold
                said = (hold.limit, hold.taken) if hold else (None, 0)
                told[-1].append((explain(standing, PATIENCE).reason.value, *said))
        return told


@pytest.mark.parametrize("seed", range(5))
async def test_both_let_the_same_go_in_the_same_order_and_say_why_of_the_rest(
    seed: int, postgres_ports: Ports
) -> None:
    random = Random(seed)  # noqa: S311 - a story, not a secret
    twins = Twins((in_memory_ports(), postgres_ports), random)
    # Half of the stories begin where nothing is limited.
    acts = [twins.submit, twins.end, *([twins.limit, twins.limit, twins.pause_or_resume] if seed % 2 else [])]
    for step in range(24):
        if step == 12:
            acts += [twins.limit, twins.pause_or_resume]
        await random.choice(acts)()
        in_memory, over_postgres = await twins.let_go()
        assert in_memory == over_postgres, f"step {step}"
        in_memory_told, over_postgres_told = await twins.explained()
        assert in_memory_told == over_postgres_told, f"step {step}"
