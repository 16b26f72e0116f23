"""Whether OpenTelemetry's own variables ask for traces; they are the standard's, not settings of ours."""

from collections.abc import Mapping

from domain.errors import InvalidSettings

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
SPOKEN = "http/protobuf"


def wants_tracing(environment: Mapping[str, str]) -> bool:
    """Traces are wanted where an endpoint is named; raises InvalidSettings for what we cannot speak to it."""
    is_off = environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
    exporter = environment.get("OTEL_TRACES_EXPORTER", "otlp")
    if is_off or exporter == "none" or not any(environment.get(name) for name in ENDPOINTS):
        return False
    if exporter != "otlp":
        raise InvalidSettings(f"OTEL_TRACES_EXPORTER: {exporter} is not spoken here, only otlp.")
    protocol = next((environment[name] for name in PROTOCOLS if environment.get(name)), SPOKEN)
    if protocol != SPOKEN:
        raise InvalidSettings(f"OTEL_EXPORTER_OTLP_PROTOCOL: {protocol} is not spoken here, only {SPOKEN}.")
    return True
