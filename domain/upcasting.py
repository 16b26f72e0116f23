"""Old events read as today's: pure functions from stored fields to stored fields, one schema version a step.

Stored events never change. Whoever changes an event type raises its `SCHEMA_VERSION`, adds the step here
and a sample of the old form in `tests/golden/`, which stays there for ever.
"""

from collections.abc import Callable
from typing import Any

Fields = dict[str, Any]


def _unchanged(stored: Fields) -> Fields:
    """A field that may be absent came to it."""
    return stored


STEPS: dict[tuple[str, int], Callable[[Fields], Fields]] = {
    ("JobSubmitted", 1): _unchanged,
    ("ScheduleDefined", 1): _unchanged,
}
"""(event type, schema version) → the fields of the next schema version."""


def upcast(event_type: str, schema_version: int, stored: Fields) -> Fields:
    """The fields as the present schema of the type has them."""
    while step := STEPS.get((event_type, schema_version)):
        stored = step(stored)
        schema_version += 1
    return stored
