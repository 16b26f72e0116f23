"""The read model is compared with its events, and made anew of them."""

from domain import decisions
from domain.audit import RecoverySwept
from domain.events import ActorKind
from domain.ports.read_model import Span
from domain.use_cases.rebuild import Rebuilt, rebuild_read_model
from domain.use_cases.verify import Compared, verify_read_model
from tests.builders import provenance
from tests.contracts.acts import append, cancel, current, fail, start, submit
from tests.fakes.ports import Ports

SWEEP = RecoverySwept(scanned=0, silent_for_seconds=1, acted_count=0, skipped_count=0, months_made=0)


async def some_of_everything(ports: Ports) -> None:
    """Four jobs of ten events, in every kind of state, and an audit stream among them."""
    await submit(ports, job_parameters={"ratio": 0.5, "big": 2**70}, tags=("a", 'b"\\,{}'), unique_key="k")
    failed = await start(ports, await submit(ports))
    await fail(ports, failed)
    await cancel(ports, await submit(ports, idempotency_key="i", fingerprint="f"))
    done = await start(ports, await submit(ports, on_behalf_of="Ada"))
    await append(ports, done, decisions.complete(done.job, result={"text": 'line\nbreak\ttab \\ quote"'}))
    await ports.audit.record(SWEEP, provenance(ActorKind.RECOVERY, "sweep"))


async def compared(ports: Ports, page: int = 4000) -> list[Compared]:
    return [found async for found in verify_read_model(ports.read_model, page=page)]


async def rebuilt(ports: Ports, page: int = 4000) -> Rebuilt:
    return await rebuild_read_model(ports.read_model, ports.rebuilding, told=lambda _: None, page=page)


async def test_every_job_is_as_its_events_say(ports: Ports) -> None:
    await some_of_everything(ports)

    assert await compared(ports) == [Compared(4, 9, [])]


async def test_pages_leave_nothing_out_and_cut_no_stream(ports: Ports) -> None:
    await some_of_everything(ports)
    for page in (1, 2, 3, 4, 5):
        found = await compared(ports, page)

        assert (sum(item.jobs for item in found), sum(item.events for item in found)) == (4, 9)
        assert [item.differences for item in found] == [[]] * len(found)


async def test_nothing_is_compared_where_nothing_is(ports: Ports) -> None:
    assert await compared(ports) == [Compared(0, 0, [])]
    assert await rebuilt(ports) == Rebuilt(0, 0, [])


async def test_a_rebuilt_read_model_is_the_same(ports: Ports) -> None:
    await some_of_everything(ports)
    job_ids = [job.job_id for job in (await ports.read_model.page(span=Span(), limit=100)).jobs]
    before = await ports.views.get_many(job_ids)

    assert await rebuilt(ports, page=3) == Rebuilt(4, 9, [])
    assert await ports.views.get_many(job_ids) == before
    assert await compared(ports) == [Compared(4, 9, [])]


async def test_jobs_that_move_while_it_is_rebuilt_are_caught_up_with(ports: Ports) -> None:
    moving = await submit(ports, unique_key="k")
    still = await submit(ports)
    async with ports.rebuilding() as rebuild:
        await rebuild.put([moving, still])
        moved = await cancel(ports, moving)
        # Its unique key passed on, while the rebuild still believes the first job to hold it.
        heir = await submit(ports, unique_key="k")
        await rebuild.put([heir])

        assert await rebuild.differing() == []
        assert await rebuild.catch_up() == 2
        assert await rebuild.catch_up() == 0
        late = await submit(ports)
        await rebuild.swap()

    assert await current(ports, moving.job.id) == moved
    assert await current(ports, heir.job.id) == heir
    assert await current(ports, late.job.id) == late
    assert await compared(ports) == [Compared(4, 5, [])]
    await cancel(ports, heir)
