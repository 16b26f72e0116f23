"""Telling a tracing system what belongs together, across processes: by W3C `traceparent` texts."""

from contextlib import AbstractContextManager
from datetime import datetime
from enum import Enum, auto
from typing import Protocol

Attribute = str | int | float | bool


class SpanKind(Enum):
    """Which side of which border the work stands on."""

    SERVER = auto()
    PRODUCER = auto()
    CONSUMER = auto()


class Span(Protocol):
    """Work that is under way. `traceparent` is what whoever goes on with it is given."""

    @property
    def traceparent(self) -> str | None: ...

    def name_it(self, name: str) -> None: ...

    def tell(self, **attributes: Attribute) -> None: ...

    def fail(self, told: str) -> None:
        """Say that what was tried did not succeed."""


class Tracing(Protocol):
    """`is_on` is False where nobody listens; then nothing else needs to be called, and nothing happens."""

    @property
    def is_on(self) -> bool: ...

    def span(
        self, name: str, kind: SpanKind, *, parent: str | None, **attributes: Attribute
    ) -> AbstractContextManager[Span]:
        """The block is part of `parent`'s trace, or begins one, and is what traces within it belong to."""

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
        """Work that is over already."""

    def close(self) -> None:
        """Send what was not sent yet; blocks for a few seconds at most."""
