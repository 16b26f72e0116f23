"""What charts and timelines draw, as numbers."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from domain import decisions
from domain.identifiers import UserId
from domain.job_statistics import MINUTE, Rate, bucket_of
from domain.lifecycle import Status
from entrypoints.dashboard.changes import rows_of
from entrypoints.dashboard.charts import latency, throughput
from entrypoints.dashboard.flows import SPANS, Period, flow_of
from entrypoints.dashboard.timeline import phases_of, timeline_of
from entrypoints.dashboard.words import duration
from tests.entrypoints.dashboard.screenshots import shots
from tests.entrypoints.dashboard.world import World, person

NOW = datetime(2026, 6, 1, 12, 30, 20, tzinfo=UTC)
DOCS = Path(__file__).parents[3] / "docs"
HOUR = SPANS[Period.HOUR]


def rate(minutes_ago: int, event_type: str, events: int, took: float | None = None) -> Rate:
    minute = NOW.replace(second=0) - minutes_ago * MINUTE
    bucket = -1 if took is None else bucket_of(timedelta(seconds=took))
    return Rate(minute, "sample_task", event_type, bucket, events)


def test_a_flow_has_every_step_of_its_period_and_ends_with_the_present_one() -> None:
    for span in SPANS.values():
        steps = flow_of([], span, NOW).steps
        assert len(steps) == span.length // span.step
        assert steps[-1][0] <= NOW < steps[-1][0] + span.step


def test_a_type_and_the_whole_have_what_their_steps_have() -> None:
    other = rate(7, "JobFailed", 2, 1.0)._replace(job_type="other")
    too_old = rate(61, "JobCompleted", 9, 1.0)
    flow = flow_of(
        [rate(0, "JobCompleted", 6, 1.0), rate(3, "JobCompleted", 1, 9.0), other, too_old], HOUR, NOW
    )

    assert (flow.by_type["sample_task"].ended, flow.by_type["other"].ended) == (7, 2)
    assert flow.total.ended == sum(tally.ended for _, tally in flow.steps) == 9
    assert flow.total.running == {bucket_of(timedelta(seconds=1)): 8, bucket_of(timedelta(seconds=9)): 1}


def test_bars_pile_up_to_all_that_ended_and_the_line_shows_what_was_submitted() -> None:
    rates = [rate(0, "JobCompleted", 6, 1.0), rate(0, "JobFailed", 2, 1.0), rate(0, "JobSubmitted", 4)]
    drawn = throughput(flow_of(rates, HOUR, NOW))

    assert [(box.kind, round(box.height)) for box in drawn.boxes] == [("completed", 75), ("failed", 25)]
    assert round(min(box.y for box in drawn.boxes)) == 0
    assert drawn.lines[0].points[0].endswith("99.17,50.00")
    assert drawn.columns[-1].lines == ("4 submitted", "6 completed", "2 failed", "0 cancelled")
    assert drawn.rows[-1][1:] == ("4", "6", "2", "0")
    assert [tick.text for tick in drawn.y_ticks] == ["0", "2", "4", "6", "8"]


@pytest.mark.parametrize("most", [1, 4, 5, 8, 9, 13, 22, 31, 57, 99, 100, 1234, 87_654])
def test_grid_lines_are_at_whole_numbers_and_above_everything(most: int) -> None:
    ticks = throughput(flow_of([rate(0, "JobSubmitted", most)], HOUR, NOW)).y_ticks
    numbers = [float(tick.text.replace("k", "")) * (1000 if "k" in tick.text else 1) for tick in ticks]

    assert numbers[-1] >= most
    assert numbers[-1] <= max(4, 1.7 * most)
    assert [number for number in numbers if number % 1] == []


def test_a_chart_of_nothing_says_that_it_is_empty() -> None:
    flow = flow_of([], HOUR, NOW)

    assert throughput(flow).is_empty
    assert latency(flow, "waiting").is_empty


def test_latencies_lie_between_powers_of_ten_and_leave_gaps_where_nothing_was_measured() -> None:
    rates = [rate(5, "AttemptStarted", 9, 0.1), rate(5, "AttemptStarted", 1, 1.0),
             rate(4, "AttemptStarted", 9, 0.1), rate(1, "AttemptStarted", 9, 0.1)]  # fmt: skip
    drawn = latency(flow_of(rates, HOUR, NOW), "waiting")
    high, median = drawn.lines

    assert (high.kind, median.kind) == ("high", "median")
    assert len(median.points) == 2
    assert [tick.text for tick in drawn.y_ticks] == ["100 ms", "1 s", "10 s"]
    assert drawn.columns[-2].lines[0] == "half within 108 ms"
    assert drawn.columns[-3].lines == ("nothing",)


async def test_a_timeline_has_a_bar_for_each_attempt_and_each_wait() -> None:
    world = World()
    view = await world.troubled_job()
    stream = await world.services.store.read_stream(view.job.id)
    drawn = timeline_of(stream, datetime.now(UTC))

    assert [(bar.title, bar.tone) for bar in drawn.bars] == [
        ("Waiting", "pending"),
        ("Attempt 1", "retrying"),
        ("Backing off", "waiting"),
        ("Attempt 2", "failed"),
        ("At rest", "rest"),
        ("Waiting", "pending"),
        ("Attempt 3", "processing"),
    ]
    assert [bar.goes_on for bar in drawn.bars] == [False] * 6 + [True]
    assert [len(bar.marks) for bar in drawn.bars] == [0, 0, 0, 1, 0, 0, 5]
    assert round(sum(bar.width for bar in drawn.bars)) == 100
    assert min(bar.width for bar in drawn.bars) > 1
    assert not drawn.is_to_scale


async def test_a_job_that_ended_has_no_open_phase() -> None:
    world = World()
    view = await world.complete(await world.start(await world.submit()))
    phases = phases_of(await world.services.store.read_stream(view.job.id))

    assert [phase.status for phase in phases] == [Status.PENDING, Status.PROCESSING]
    assert all(phase.ended for phase in phases)


async def test_a_long_history_shows_its_beginning_and_its_end() -> None:
    world = World()
    view = await world.submit()
    for _ in range(12):
        view = await world.fail(await world.start(view))
        view = await world.do(view, decisions.retry(view.job, reason="again"), person(UserId("op")))
    drawn = timeline_of(await world.services.store.read_stream(view.job.id), world.clock.now())

    assert drawn.hidden == 37 - len(drawn.bars)
    assert drawn.bars[0].title == "Waiting"
    assert drawn.bars[1].title == "Attempt 1"
    assert drawn.bars[-3].title == "Attempt 12"


async def test_each_event_says_what_it_changed() -> None:
    world = World()
    view = await world.complete(await world.start(await world.submit(job_parameters={"steps": 3})))
    rows = rows_of(await world.services.store.read_stream(view.job.id))
    changes = [{change.name: (change.before, change.after) for change in row.changes} for row in rows]

    assert changes[0]["job_parameters"] == ("–", '{"steps":3}')  # noqa: RUF001 - what pages show
    assert changes[1]["status"] == ("pending", "processing")
    assert changes[2]["status"] == ("processing", "completed")
    assert "version" not in changes[1]
    assert rows[0].since_last is None


def test_durations_are_said_in_two_units_at_most() -> None:
    said = [duration(seconds) for seconds in (0.0004, 0.34, 2.42, 59.4, 192, 7500, 273_600)]

    assert said == ["0 ms", "340 ms", "2.4 s", "59 s", "3 min 12 s", "2 h 5 min", "3 d 4 h"]
    assert duration(None) == "–"  # noqa: RUF001 - what pages show


def test_the_documentation_shows_every_screenshot_and_no_other() -> None:
    shown = re.findall(r"images/(dashboard-[\w-]+\.png)", (DOCS / "dashboard.md").read_text())

    assert sorted(shown) == sorted(f"dashboard-{shot.name}.png" for shot in shots("some-job"))
    assert sorted(shown) == sorted(path.name for path in (DOCS / "images").glob("dashboard-*.png"))
