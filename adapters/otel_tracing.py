"""Tracing over OpenTelemetry: spans leave by OTLP over HTTP, as the standard OTEL_* variables say.

Imported only where those ask for it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind as OtelKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from domain.ports.tracing import Attribute, Span, SpanKind

KINDS = {
    SpanKind.SERVER: OtelKind.SERVER,
    SpanKind.PRODUCER: OtelKind.PRODUCER,
    SpanKind.CONSUMER: OtelKind.CONSUMER,
}
NANOSECONDS = 1_000_000_000
PROPAGATOR = TraceContextTextMapPropagator()


class OtelSpan:
    def __init__(self, span: trace.Span) -> None:
        self._span = span

    @property
    def traceparent(self) -> str | None:
        carrier: dict[str, str] = {}
        PROPAGATOR.inject(carrier, trace.set_span_in_context(self._span))
        return carrier.get("traceparent")

    def name_it(self, name: str) -> None:
        self._span.update_name(name)

    def tell(self, **attributes: Attribute) -> None:
        self._span.set_attributes(_dotted(attributes))

    def fail(self, told: str) -> None:
        self._span.set_status(trace.Status(trace.StatusCode.ERROR, told))


class OtelTracing:
    """`service` is the name under which spans appear, unless OTEL_SERVICE_NAME says otherwise."""

    is_on = True

    def __init__(self, *, service: str, version: str) -> None:
        ours = Resource({"service.name": service, "service.version": version})
        # What the environment says counts more than what we call ourselves.
        resource = Resource.create().merge(ours).merge(OTELResourceDetector().detect())
        self._provider = TracerProvider(resource=resource)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        # Also for libraries in job types' functions that trace by themselves.
        trace.set_tracer_provider(self._provider)
        self._tracer = self._provider.get_tracer("jobledger", version)

    @contextmanager
    def span(
        self, name: str, kind: SpanKind, *, parent: str | None, **attributes: Attribute
    ) -> Iterator[Span]:
        with self._tracer.start_as_current_span(
            name, context=_context_of(parent), kind=KINDS[kind], attributes=_dotted(attributes)
        ) as span:
            yield OtelSpan(span)

    def record(
        self,
        name: str,
        kind: SpanKind,
        *,
        parent: str | None,
        began_at: datetime,
        ended_at: datetime,
        **attributes: Attribute,
    ) -> None:
        span = self._tracer.start_span(
            name,
            context=_context_of(parent),
            kind=KINDS[kind],
            attributes=_dotted(attributes),
            start_time=_nanoseconds(began_at),
        )
        span.end(_nanoseconds(max(began_at, ended_at)))

    def close(self) -> None:
        self._provider.shutdown()


def _context_of(traceparent: str | None) -> Context:
    # Never the surrounding one: a job goes on in the trace in which it was submitted.
    return PROPAGATOR.extract({"traceparent": traceparent}, Context()) if traceparent else Context()


def _dotted(attributes: dict[str, Attribute]) -> dict[str, Attribute]:
    """OpenTelemetry's names are dotted, and Python's arguments are not: `http__route` is `http.route`."""
    return {name.replace("__", "."): value for name, value in attributes.items()}


def _nanoseconds(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000) * (NANOSECONDS // 1_000_000)
