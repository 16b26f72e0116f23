"""Charts as numbers for SVG: places in percent of the drawing, so that it fits every screen.

Texts are set beside the shapes and never stretched with them; a table under each chart says the same.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import ceil, floor, log10
from typing import NamedTuple

from domain.job_statistics import percentile
from entrypoints.dashboard import words
from entrypoints.dashboard.flows import ENDS, SUBMITTED, Flow, Histogram, Tally

BAR_SHARE = 0.72
GRID_LINES = 4
MEDIAN, HIGH = 0.5, 0.95
MILLISECOND = timedelta(milliseconds=1)
A_DAY = timedelta(days=1)


class Box(NamedTuple):
    """One part of a bar; `kind` names its colour."""

    kind: str
    x: float
    y: float
    width: float
    height: float


class Column(NamedTuple):
    """What is under the pointer at one step: where, and what it says."""

    x: float
    width: float
    title: str
    lines: tuple[str, ...]


class Tick(NamedTuple):
    place: float
    text: str


class Line(NamedTuple):
    """One curve, in pieces between steps without a value; `points` are those of `<polyline>`."""

    kind: str
    title: str
    points: tuple[str, ...]


class Chart(NamedTuple):
    boxes: list[Box]
    lines: list[Line]
    columns: list[Column]
    y_ticks: list[Tick]
    x_ticks: list[Tick]
    headings: tuple[str, ...]
    rows: list[tuple[str, ...]]
    is_empty: bool


def throughput(flow: Flow) -> Chart:
    """Jobs that ended, step by step, piled up by how; and as a line those submitted."""
    top = _round_up(max((max(tally.ended, tally.events[SUBMITTED]) for _, tally in flow.steps), default=0))
    boxes: list[Box] = []
    columns, rows, submitted = [], [], []
    width = 100 / len(flow.steps)
    for place, (at, tally) in enumerate(flow.steps):
        x = place * width
        boxes += _pile(tally, x, width, top)
        submitted.append((x + width / 2, 100 - 100 * tally.events[SUBMITTED] / top))
        counts = [tally.events[SUBMITTED], *(tally.events[name] for name in ENDS)]
        told = tuple(f"{words.number(count)} {name}" for count, name in zip(counts, _NAMES, strict=True))
        columns.append(Column(x, width, _label(at, flow), told))
        rows.append((_label(at, flow), *(words.number(count) for count in counts)))
    line = Line("submitted", "submitted", (_polyline(submitted),))
    is_empty = not any(tally.ended or tally.events[SUBMITTED] for _, tally in flow.steps)
    ticks = [Tick(100 - 100 * n / GRID_LINES, _compact(top * n / GRID_LINES)) for n in range(GRID_LINES + 1)]
    headings = ("Time (UTC)", *(name.capitalize() for name in _NAMES))
    return Chart(boxes, [line], columns, ticks, _times(flow), headings, rows, is_empty)


_NAMES = ("submitted", *ENDS.values())


def _pile(tally: Tally, x: float, width: float, top: float) -> list[Box]:
    boxes = []
    y = 100.0
    for event, kind in ENDS.items():
        height = 100 * tally.events[event] / top
        if height:
            y -= height
            left = x + width * (1 - BAR_SHARE) / 2
            boxes.append(Box(kind, left, y, width * BAR_SHARE, height))
    return boxes


def latency(flow: Flow, which: str) -> Chart:
    """The median and the 95th percentile of `waiting` or `running`, on a scale of powers of ten."""
    histograms: list[Histogram] = [getattr(tally, which) for _, tally in flow.steps]
    medians = [percentile(histogram, MEDIAN) for histogram in histograms]
    highs = [percentile(histogram, HIGH) for histogram in histograms]
    known = [length for length in (*medians, *highs) if length]
    low, high = _decades(known)
    width = 100 / len(flow.steps)
    columns: list[Column] = []
    rows: list[tuple[str, ...]] = []
    for place, (at, _) in enumerate(flow.steps):
        label, median, most = _label(at, flow), words.duration(medians[place]), words.duration(highs[place])
        told = (f"half within {median}", f"95% within {most}") if medians[place] else ("nothing",)
        columns.append(Column(place * width, width, label, told))
        rows.append((label, median, most))

    def pieces(lengths: Sequence[timedelta | None]) -> tuple[str, ...]:
        return _pieces([_height(length, low, high) for length in lengths], width)

    lines = [Line("high", "95%", pieces(highs)), Line("median", "median", pieces(medians))]
    count = high - low
    ticks = [Tick(100 - 100 * n / count, _power(low + n)) for n in range(count + 1)]
    headings = ("Time (UTC)", "Median", "95%")
    return Chart([], lines, columns, ticks, _times(flow), headings, rows, not known)


def _height(length: timedelta | None, low: int, high: int) -> float | None:
    if length is None:
        return None
    return 100 - 100 * (log10(max(length, MILLISECOND).total_seconds()) - low) / (high - low)


def _decades(lengths: Sequence[timedelta]) -> tuple[int, int]:
    """The powers of ten, in seconds, between which everything lies; at least two of them apart."""
    seconds = [max(length, MILLISECOND).total_seconds() for length in lengths] or [0.01, 1.0]
    low, high = floor(log10(min(seconds))), ceil(log10(max(seconds)))
    return low, max(high, low + 2)


def _power(exponent: int) -> str:
    """Ten to the power of `exponent`, in seconds."""
    if exponent < 0:
        return f"{10 ** (exponent + 3)} ms"
    return f"{_compact(10**exponent)} s"


def _pieces(heights: Sequence[float | None], width: float) -> tuple[str, ...]:
    pieces: list[str] = []
    piece: list[tuple[float, float]] = []
    for place, height in enumerate([*heights, None]):
        if height is not None:
            piece.append((place * width + width / 2, height))
        elif piece:
            # A single step is a short dash, or nobody would see it.
            x, y = piece[0]
            alone = [(x - width / 3, y), (x + width / 3, y)]
            pieces.append(_polyline(piece if len(piece) > 1 else alone))
            piece = []
    return tuple(pieces)


def _polyline(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.2f},{y:.2f}" for x, y in points)


def _round_up(most: float) -> float:
    """The next number that four grid lines part evenly and that reads well."""
    if most <= 3 * GRID_LINES:
        return max(GRID_LINES, GRID_LINES * ceil(most / GRID_LINES))
    size: float = 10 ** floor(log10(most))
    return next(size * step for step in (1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10, 12) if size * step >= most)


def _compact(value: float) -> str:
    for size, unit in ((1_000_000, "M"), (1000, "k")):
        if value >= size:
            return f"{value / size:.1f}".removesuffix(".0") + unit
    return f"{value:g}"


def _label(at: datetime, flow: Flow) -> str:
    form = "%a %H:%M" if flow.span.length > A_DAY else "%H:%M"
    return at.astimezone(UTC).strftime(form)


def _times(flow: Flow) -> list[Tick]:
    """Five times along the axis, the last one now."""
    last = len(flow.steps) - 1
    places = [last * n // GRID_LINES for n in range(GRID_LINES + 1)]
    width = 100 / len(flow.steps)
    return [Tick((place + 0.5) * width, _label(flow.steps[place][0], flow)) for place in places]
