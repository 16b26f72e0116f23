"""Metrics as text for Prometheus."""

from collections.abc import Iterable, Iterator
from itertools import accumulate

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from entrypoints.metrics.catalogue import Kind, Metric
from entrypoints.metrics.readings import Readings
from entrypoints.metrics.tallies import Durations, Labels, Tallies

CONTENT_TYPE = CONTENT_TYPE_LATEST


class Exposition:
    """A process's tallies and, where it reads them, the service's readings."""

    def __init__(self, tallies: Tallies, readings: Readings | None) -> None:
        self._readings = readings
        self._registry = CollectorRegistry()
        self._registry.register(_Ours(tallies, readings))
        ProcessCollector(registry=self._registry)

    async def text(self) -> bytes:
        if self._readings:
            await self._readings.refresh()
        return generate_latest(self._registry)


class _Ours(Collector):
    def __init__(self, tallies: Tallies, readings: Readings | None) -> None:
        self._tallies = tallies
        self._readings = readings

    def collect(self) -> Iterator[Family]:
        sources = [self._tallies, self._readings.events] if self._readings else [self._tallies]
        for source in sources:
            for metric, samples in source.samples():
                yield _family(metric, samples.items())
            for metric, histograms in source.histograms():
                yield _histogram(metric, histograms.items())
        if self._readings:
            for metric, samples in self._readings.samples():
                yield _family(metric, samples.items())


def _family(metric: Metric, samples: Iterable[tuple[Labels, float]]) -> Family:
    kind = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
    family = kind(metric.name, metric.help, labels=metric.labels)
    for labels, value in samples:
        family.add_metric(labels, value)
    return family


def _histogram(metric: Metric, histograms: Iterable[tuple[Labels, Durations]]) -> Family:
    family = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
    bounds = [*map(floatToGoString, metric.bounds), "+Inf"]
    for labels, durations in histograms:
        cumulated = zip(bounds, accumulate(durations.counts), strict=True)
        family.add_metric(labels, list(cumulated), durations.seconds)
    return family
