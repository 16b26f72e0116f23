"""What comes of many steps: shares become what weights say, and nobody waits for ever behind anybody."""

from collections import Counter
from datetime import datetime, timedelta
from random import Random

import pytest

from domain import limits
from domain.identifiers import JobId, UserId
from domain.limits import Scope
from tests.contracts.acts import submit
from tests.contracts.test_limits import set_limit
from tests.fakes.ports import InMemoryPorts, in_memory_ports

ANA, BEN, CLEO = UserId("ana"), UserId("ben"), UserId("cleo")
PLACES = 20


async def share_of_the_time(ports: InMemoryPorts, random: Random, whose: list[Scope]) -> dict[Scope, float]:
    """How much of `PLACES` each has on average, while all of them always have work that waits."""
    had: Counter[Scope] = Counter()
    scopes: dict[JobId, Scope] = {}
    for step in range(120):
        for scope in whose:
            waiting = sum(scopes[entry.job_id] == scope for entry in ports.state.outbox.values())
            for _ in range(PLACES - waiting):
                made = await submit(ports, user_id=UserId(scope.user_id), group_key=scope.name or None)
                scopes[made.job.id] = scope
        await ports.outbox.relay(limit=100, max_visible=PLACES - len(ports.state.queue))
        await ports.queue.receive(limit=PLACES, lease_seconds=10_000)
        by_message = {msg_id: job_of(ports, message.body) for msg_id, message in ports.state.queue.items()}
        if step > 20:
            had.update(scopes[job_id] for job_id in by_message.values())
        # However long attempts take, and whoever's they are.
        for msg_id in random.sample(sorted(by_message), random.randrange(1, 6)):
            del ports.state.queue[msg_id]
    return {scope: had[scope] / had.total() for scope in whose}


def job_of(ports: InMemoryPorts, body: str) -> JobId:
    return next(job_id for job_id in ports.state.views if job_id in body)


@pytest.mark.parametrize("seed", range(3))
async def test_users_have_of_all_places_what_their_weights_say(seed: int) -> None:
    ports = in_memory_ports()
    await set_limit(ports, limits.user(BEN), weight=3)
    await set_limit(ports, limits.user(CLEO), weight=6)
    whose = [limits.user(it) for it in (ANA, BEN, CLEO)]
    had = await share_of_the_time(ports, Random(seed), whose)  # noqa: S311 - a story, not a secret

    assert had == pytest.approx(dict(zip(whose, (0.1, 0.3, 0.6), strict=True)), abs=0.05)


async def test_a_users_groups_share_what_the_user_has_however_many_they_are() -> None:
    ports = in_memory_ports()
    await set_limit(ports, limits.group(ANA, "red"), weight=2)
    whose = [limits.group(ANA, "red"), limits.group(ANA, "blue"), limits.user(BEN)]
    had = await share_of_the_time(ports, Random(1), whose)  # noqa: S311 - a story, not a secret

    assert had == pytest.approx(dict(zip(whose, (1 / 3, 1 / 6, 1 / 2), strict=True)), abs=0.05)


@pytest.mark.parametrize("seed", range(5))
async def test_where_nothing_is_limited_no_flood_of_higher_priorities_starves_a_job(seed: int) -> None:
    """Of *n* jobs that count as due earlier, n / batch + 10 steps: what docs/fair-shares.md says."""
    random = Random(seed)  # noqa: S311 - a story, not a secret
    ports, aging, batch = in_memory_ports(), timedelta(seconds=6), 4
    counts: dict[JobId, datetime] = {}
    due_in: dict[JobId, int] = {}
    gone_in: dict[JobId, int] = {}
    for step in range(400):
        # More come than go, for as long as there is a flood.
        for _ in range(random.randrange(3, 9) if step < 100 else 0):
            priority = random.choice([0, 3, 9, 9, 9])
            view = await submit(ports, priority=priority)
            counts[view.job.id], due_in[view.job.id] = ports.clock.now() - priority * aging, step
        report = await ports.outbox.relay(limit=batch, max_visible=10_000, names_entries=True, aging=aging)
        gone_in.update((entry.job_id, step) for entry in report.entries)
        await ports.advance(1)
    assert set(gone_in) == set(counts)
    for job_id, counts_as_due in counts.items():
        before = [it for it in counts if counts[it] < counts_as_due and gone_in[it] >= due_in[job_id]]
        assert gone_in[job_id] - due_in[job_id] <= len(before) / batch + 10
