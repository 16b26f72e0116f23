"""Calling somebody else's HTTP server, at an address that a user chose."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundRequest:
    """`timeout_seconds` bounds the whole exchange, redirects included."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    timeout_seconds: float = 30.0
    max_redirects: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundAnswer:
    """`url` is who answered in the end, `headers` have lower-case names; `body` may be cut short."""

    status: int
    url: str
    headers: Mapping[str, str]
    body: bytes
    is_cut: bool = False


class DestinationRefused(Exception):
    """No address that users may reach from here, or no address at all: asking again is no help."""


class NoAnswer(Exception):
    """The server could not be reached or did not answer in time; it may have got the request all the same."""


class OutboundHttp(Protocol):
    async def send(self, request: OutboundRequest) -> OutboundAnswer:
        """Ask once, following redirects; raises DestinationRefused or NoAnswer.

        Every address on the way is checked after it was resolved, and the connection goes to the address
        that was checked. Whatever the server answers is an answer, also a 500.
        """
