"""Writes the pages that are made from the code: `python -m docs.generate`. A test fails when one is stale."""

from enum import Enum
from pathlib import Path

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from docs.reference import REFERENCE
from domain.lifecycle_diagram import mermaid, moves_table
from entrypoints.metrics.catalogue import METRICS
from entrypoints.settings import Settings

ROOT = Path(__file__).parent.parent

LIFECYCLE = """# Lifecycle

<!-- Made by `python -m docs.generate` from domain/lifecycle.py; do not edit. -->

A job's status changes only by events, never by the clock: a `scheduled` or `retrying` job whose time has come
keeps its status until an attempt starts. `completed` has no exit; `failed` and `cancelled` leave only by a retry
by hand, and between two of those a job has exactly one outcome. An attempt that failed or timed out spends one
of `max_attempts`; one that was lost (its worker crashed, or let its lease lapse) spends one of
`max_lost_attempts`; a release, as at a deploy, spends nothing.

```mermaid
{diagram}
```

## Every move

Moves that leave the status as it is are in this table only.

{moves}
"""

SETTINGS = """# Settings

<!-- Made by `python -m docs.generate` from entrypoints/settings.py; do not edit. -->

Every setting is read from the environment, or from a file `.env` in the current folder. A value that cannot be
right stops the start with one line that names it. Secrets are never logged or shown.

| name | default | what it is |
| --- | --- | --- |
{rows}
"""

METRICS_PAGE = """# Metrics

<!-- Made by `python -m docs.generate` from entrypoints/metrics/catalogue.py; do not edit. -->

The API answers `GET /metrics` in the format of Prometheus, and every process (API, relay, worker) does on a port of
its own where `METRICS_PORT` is set. Outside `ENVIRONMENT=local` the API answers there only to who brings
`METRICS_TOKEN`. How to scrape, the dashboard and the alerts: [monitoring.md](monitoring.md).

The metrics of the *service* are read from the database at most every `METRICS_SECONDS`, at a cost that does not grow
with the jobs, by the API and the relay. Each of them tells the same, so take `max` over instances, never `sum`. Counts
and durations come from the statistics that the relay keeps, about a second behind, under a backlog up to six. The *process* metrics are each
process's own: take `sum`. Labels are bounded: routes are templates, and job types that this process does not know are
`other`. Beside these there are `process_*`, as everywhere.

| name | kind | labels | what it is |
| --- | --- | --- | --- |
{rows}
"""


def metrics_page() -> str:
    rows = [
        f"| `{metric.name}` | {metric.kind} | {', '.join(f'`{label}`' for label in metric.labels)} | {metric.help} |"
        for metric in METRICS
    ]
    return METRICS_PAGE.format(rows="\n".join(rows))


def lifecycle_page() -> str:
    return LIFECYCLE.format(diagram=mermaid(), moves=moves_table())


def _settings() -> list[tuple[str, FieldInfo]]:
    """What everybody needs first, and then what only parts of the service read."""
    return sorted(Settings.model_fields.items(), key=lambda item: item[0] not in Settings.__annotations__)


def settings_page() -> str:
    rows = [
        f"| `{name.upper()}` | {_default(name) or 'unset'} | {field.description} |"
        for name, field in _settings()
    ]
    return SETTINGS.format(rows="\n".join(rows))


def env_example() -> str:
    lines = ["# Every setting, with its default. Copy to .env and change what you need."]
    for name, field in _settings():
        lines += ["", f"# {field.description}", f"# {name.upper()}={_default(name).strip('`')}"]
    return "\n".join(lines) + "\n"


def _default(name: str) -> str:
    default = Settings.model_fields[name].default
    if default in (None, PydanticUndefined) or isinstance(default, SecretStr):
        return ""
    if isinstance(default, list):
        return ",".join(default)
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"`{default.value if isinstance(default, Enum) else default}`"


PAGES = {
    "docs/lifecycle.md": lifecycle_page,
    "docs/settings.md": settings_page,
    "docs/metrics.md": metrics_page,
    **REFERENCE,
    ".env.example": env_example,
}


def main() -> None:
    for path, page in PAGES.items():
        (ROOT / path).write_text(page())


if __name__ == "__main__":
    main()
