"""Figures for the overview, from the statistics projection: read and drawn once for all who look."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from typing import NamedTuple

from domain.identifiers import UserId
from domain.job_statistics import Count, step_of
from entrypoints.dashboard.charts import Chart, latency, throughput
from entrypoints.dashboard.flows import SPANS, Flow, Period, flow_of
from entrypoints.services import Services


class Drawing(NamedTuple):
    """What happened in a period, and its charts."""

    flow: Flow
    throughput: Chart
    waiting: Chart
    running: Chart


def draw(flow: Flow) -> Drawing:
    return Drawing(flow, throughput(flow), latency(flow, "waiting"), latency(flow, "running"))


class Figures:
    """Reads what many people look at once for all of them, and not again while it is fresh."""

    def __init__(
        self, services: Callable[[], Services], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._services = services
        self._clock = clock
        self._drawn: dict[tuple[UserId, Period], tuple[float, Drawing]] = {}
        self._reading: defaultdict[tuple[UserId, Period], asyncio.Lock] = defaultdict(asyncio.Lock)

    async def counts(self, scope: UserId) -> list[Count]:
        return await self._services().statistics.counts(user_id=scope)

    async def period(self, scope: UserId, period: Period) -> Drawing:
        """What happened in the period, a few seconds old at most."""
        key = (scope, period)
        async with self._reading[key]:
            known = self._drawn.get(key)
            if known and self._clock() < known[0]:
                return known[1]
            span = SPANS[period]
            now = self._services().clock.now()
            since = step_of(now - span.length, span.step)
            rates = await self._services().statistics.rates(user_id=scope, since=since, step=span.step)
            drawing = draw(flow_of(rates, span, now))
            self._forget_stale()
            self._drawn[key] = (self._clock() + span.fresh_for, drawing)
            return drawing

    def _forget_stale(self) -> None:
        now = self._clock()
        self._drawn = {key: kept for key, kept in self._drawn.items() if kept[0] > now}
        for key, lock in list(self._reading.items()):
            if key not in self._drawn and not lock.locked():
                del self._reading[key]
