"""What every event store promises."""

import asyncio
from datetime import timedelta

import pytest

from domain import decisions
from domain.events import Progress
from domain.identifiers import Json, UserId
from domain.ports.event_store import Appended, KeyTaken, Stale
from domain.use_cases.verify import verify_jobs
from domain.views import fold
from tests.builders import NOW, provenance, submission
from tests.contracts.acts import LEASE, append, cancel, change, current, fail, start, submit, try_append
from tests.fakes.ports import Ports

JSON_VALUES: list[Json] = [
    None,
    True,
    0,
    -(2**53) + 1,
    2**53,
    2**70,
    0.1,
    5e-324,
    1e300,
    "",
    "Grüße \U0001f600",
    "a\0b",
    "\ud800",
    'quotes " and \\ backslashes',
    "{curly,braces}",
    [],
    {},
    [1, [2, [3, None]]],
    {"a": {"b": [1.5, "\0"]}, "\U0001f600": 1, "text_text": 2},
]


async def test_what_was_appended_is_read_back(ports: Ports) -> None:
    asked = submission(
        job_parameters={"steps": 3},
        priority=4,
        tags=("blue", 'has "quotes", {braces} and \\'),
        run_at=NOW + timedelta(days=400),
        max_attempts=7,
        timeout_seconds=60,
        on_behalf_of="customer-7",
    )
    asked = asked._replace(provenance=provenance(request_id="request-1", traceparent="00-a-b-01"))
    (outcome,) = await ports.store.append([asked])
    (recorded,) = await ports.store.read_stream(asked.job_id)

    assert isinstance(outcome, Appended)
    assert recorded.event == asked.event
    assert recorded.provenance == asked.provenance
    assert recorded.version == 1
    assert outcome.after == fold([recorded])
    assert outcome.after == await current(ports, asked.job_id)


async def test_the_view_is_always_the_fold_of_the_events(ports: Ports) -> None:
    completed = await start(ports, await submit(ports, tags=("a",)))
    completed = await append(
        ports,
        completed,
        decisions.report_progress(completed.job, progress=Progress(percent=50, message="half")),
    )
    result = decisions.complete(completed.job, result={"sum": 3}, data_references=("s3://a",))
    completed = await append(ports, completed, result)
    failed = await fail(ports, await start(ports, await submit(ports)), retryable=False)
    retried = await append(ports, failed, decisions.retry(failed.job, reason="again"))
    cancelled = await cancel(ports, await submit(ports, unique_key="k"))
    waiting = await fail(ports, await start(ports, await submit(ports)))
    job_ids = [view.job.id for view in (completed, retried, cancelled, waiting)]

    assert await verify_jobs(ports.store, ports.views, job_ids=job_ids) == {}
    for view in (completed, retried, cancelled, waiting):
        assert await current(ports, view.job.id) == view


@pytest.mark.parametrize("value", JSON_VALUES, ids=repr)
async def test_any_json_comes_back_as_it_was(ports: Ports, value: Json) -> None:
    view = await start(ports, await submit(ports, job_parameters={"value": value}))
    done = await append(ports, view, decisions.complete(view.job, result=value))
    read = await current(ports, view.job.id)
    events = await ports.store.read_stream(view.job.id)

    assert read.job_parameters == {"value": value}
    assert (read.result, type(read.result)) == (value, type(value))
    assert fold(events) == done == read


async def test_a_stale_change_writes_nothing(ports: Ports) -> None:
    first = await submit(ports)
    await start(ports, first)
    outcome = await try_append(ports, first, decisions.cancel(first.job, reason="too late"))

    assert outcome == Stale(first.job.id)
    assert len(await ports.store.read_stream(first.job.id)) == 2


async def test_a_stale_change_costs_itself_and_not_its_batch(ports: Ports) -> None:
    views = [await submit(ports) for _ in range(20)]
    await cancel(ports, views[7])
    outcomes = await ports.store.append(
        [change(view, decisions.start(view.job, lease=LEASE, compute="local")) for view in views]
    )

    assert [place for place, outcome in enumerate(outcomes) if isinstance(outcome, Stale)] == [7]


async def test_outcomes_come_in_the_order_of_the_changes(ports: Ports) -> None:
    old = [await submit(ports) for _ in range(3)]
    mixed = [
        submission(),
        change(old[2], decisions.cancel(old[2].job, reason="r")),
        submission(),
        change(old[0], decisions.cancel(old[0].job, reason="r")),
    ]
    outcomes = await ports.store.append(mixed)

    answered = [outcome.after.job.id for outcome in outcomes if isinstance(outcome, Appended)]
    assert answered == [item.job_id for item in mixed]


async def test_a_job_may_stand_in_a_call_only_once(ports: Ports) -> None:
    view = await submit(ports)
    event = decisions.cancel(view.job, reason="r")

    with pytest.raises(ValueError, match="only once"):
        await ports.store.append([change(view, event), change(view, event)])


async def test_recorded_times_never_go_back_within_a_stream(ports: Ports) -> None:
    view = await submit(ports)
    await ports.advance(-3600)
    await cancel(ports, view)
    times = [recorded.recorded_at for recorded in await ports.store.read_stream(view.job.id)]

    assert times == sorted(times)


async def test_a_stream_is_read_in_pages(ports: Ports) -> None:
    view = await submit(ports)
    for _ in range(4):
        view = await cancel(ports, view)
        view = await append(ports, view, decisions.retry(view.job, reason="again"))
    pages = [
        [
            recorded.version
            for recorded in await ports.store.read_stream(view.job.id, after_version=n, limit=4)
        ]
        for n in (0, 4, 8, 9)
    ]

    assert pages == [[1, 2, 3, 4], [5, 6, 7, 8], [9], []]


async def test_a_stream_that_does_not_exist_is_empty(ports: Ports) -> None:
    assert await ports.store.read_stream(submission().job_id) == []


async def test_an_idempotency_key_belongs_to_its_first_job_for_ever(ports: Ports) -> None:
    first = await submit(ports, idempotency_key="k", fingerprint="f")
    await cancel(ports, first)
    (again,) = await ports.store.append([submission(idempotency_key="k", fingerprint="f")])
    (stranger,) = await ports.store.append([submission(idempotency_key="k", user_id=UserId("user-2"))])

    assert again == KeyTaken(await current(ports, first.job.id))
    assert isinstance(stranger, Appended)


async def test_of_two_twins_in_one_batch_one_wins(ports: Ports) -> None:
    outcomes = await ports.store.append([submission(idempotency_key="k") for _ in range(2)])

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Appended", "KeyTaken"]


async def test_a_unique_key_is_held_while_its_job_lives(ports: Ports) -> None:
    first = await submit(ports, unique_key="invoice-1")
    (refused,) = await ports.store.append([submission(unique_key="invoice-1")])
    assert refused == KeyTaken(first)

    other_type = await submit(ports, unique_key="invoice-1", job_type="another")
    ended = await cancel(ports, first)
    successor = await submit(ports, unique_key="invoice-1")
    again = await try_append(ports, ended, decisions.retry(ended.job, reason="again"))
    assert other_type.held_unique_key == "invoice-1"
    assert again == KeyTaken(successor)


async def test_an_idempotency_key_answers_before_a_unique_key_does(ports: Ports) -> None:
    rival = await cancel(ports, await submit(ports, unique_key="u"))
    first = await cancel(ports, await submit(ports, unique_key="u", idempotency_key="k"))
    await append(ports, rival, decisions.retry(rival.job, reason="again"))
    (again,) = await ports.store.append([submission(unique_key="u", idempotency_key="k")])

    assert again == KeyTaken(first)


async def test_a_refused_key_costs_its_own_submission_only(ports: Ports) -> None:
    await submit(ports, unique_key="taken")
    outcomes = await ports.store.append([submission(), submission(unique_key="taken"), submission()])

    assert [type(outcome) for outcome in outcomes] == [Appended, KeyTaken, Appended]


async def test_settling_deletes_the_message_with_the_event(ports: Ports) -> None:
    view = await submit(ports)
    await ports.outbox.relay(limit=10, max_visible=10)
    (delivery,) = await ports.queue.receive(limit=10, lease_seconds=5)
    view = await start(ports, view)
    await append(ports, view, decisions.complete(view.job), settles=delivery.msg_id)
    await ports.advance(60)

    assert await ports.queue.receive(limit=10, lease_seconds=5) == []


async def test_erased_data_is_gone_and_the_facts_stay(ports: Ports) -> None:
    view = await submit(
        ports, job_parameters={"name": "Ada"}, tags=("a",), unique_key="k", idempotency_key="i"
    )
    view = await start(ports, view)
    view = await append(ports, view, decisions.complete(view.job, result={"name": "Ada"}))
    view = await append(ports, view, decisions.erase(view.job, basis="request 17"))
    read = await current(ports, view.job.id)

    assert "Ada" not in repr(read)
    assert (read.job_parameters, read.tags, read.unique_key, read.idempotency_key) == (None, (), None, None)
    assert read.job.attempt == 1


async def test_many_callers_at_once_lose_nothing_and_double_nothing(ports: Ports) -> None:
    views = [await submit(ports) for _ in range(10)]
    outcomes = await asyncio.gather(
        *(
            try_append(ports, view, decisions.start(view.job, lease=LEASE, compute="local"))
            for view in views
            for _ in range(5)
        )
    )

    assert sum(isinstance(outcome, Appended) for outcome in outcomes) == 10
    for view in views:
        assert len(await ports.store.read_stream(view.job.id)) == 2
