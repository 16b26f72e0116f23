"""What the registry of living workers promises."""

from domain.identifiers import WorkerId
from domain.ports.workers import Presence
from tests.fakes.ports import Ports

FIRST = Presence(WorkerId("worker-1"), "local", ("resize", "sample_task"), 1500, 0)
SECOND = Presence(WorkerId("worker-2"), "modal", (), 10, 3)


async def living(ports: Ports) -> list[Presence]:
    return [worker.presence for worker in await ports.workers.living()]


async def test_a_worker_that_beats_is_alive_as_it_said_last(ports: Ports) -> None:
    await ports.workers.beat(FIRST, alive_for_seconds=30)
    await ports.workers.beat(SECOND, alive_for_seconds=30)
    busy = FIRST._replace(running=7)
    await ports.workers.beat(busy, alive_for_seconds=30)
    first, second = await ports.workers.living()

    assert (first.presence, second.presence) == (busy, SECOND)
    assert first.started_at <= first.beat_at


async def test_a_worker_that_falls_silent_is_alive_no_longer_until_it_beats_again(ports: Ports) -> None:
    await ports.workers.beat(FIRST, alive_for_seconds=30)
    await ports.workers.beat(SECOND, alive_for_seconds=90)
    (began, _) = [worker.started_at for worker in await ports.workers.living()]
    await ports.advance(60)
    assert await living(ports) == [SECOND]

    await ports.workers.beat(FIRST, alive_for_seconds=30)
    assert await living(ports) == [FIRST, SECOND]
    assert (await ports.workers.living())[0].started_at == began


async def test_a_worker_that_leaves_is_gone_at_once(ports: Ports) -> None:
    await ports.workers.beat(FIRST, alive_for_seconds=30)
    await ports.workers.leave(FIRST.worker_id)
    await ports.workers.leave(WorkerId("never seen"))

    assert await living(ports) == []


async def test_a_worker_that_died_long_ago_does_not_come_back_with_anothers_beat(ports: Ports) -> None:
    await ports.workers.beat(FIRST, alive_for_seconds=30)
    await ports.advance(200_000)
    await ports.workers.beat(SECOND, alive_for_seconds=30)

    assert await living(ports) == [SECOND]
