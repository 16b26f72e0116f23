"""How often an address and a user may ask; nothing is counted where neither is bounded.

The `limits` library counts, in this process, or in the store that RATE_LIMIT_STORAGE names for all processes.
The headers are those of draft-ietf-httpapi-ratelimit-headers-10.
"""

import ipaddress
import time
from math import ceil
from typing import NamedTuple

import structlog
from limits import RateLimitItem, parse_many
from limits.aio.strategies import FixedWindowRateLimiter
from limits.errors import StorageError
from limits.storage import storage_from_string
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.errors import InvalidSettings, RateLimited
from entrypoints.api.problem_answers import answer_for
from entrypoints.settings import Settings

log = structlog.get_logger()

ADDRESS = "address"
USER = "user"
STATE = "rate_limits"
# Whoever watches over the service asks these, and must never be told to wait.
FREE = frozenset({"/health", "/health/db", "/metrics"})
IPV6_NETWORK_BITS = 64


class Spent(NamedTuple):
    """What is left of one limit after this request."""

    policy: str
    quota: int
    window_seconds: int
    remaining: int
    reset_seconds: int


class RateLimits:
    """Counts in fixed windows: what the headers promise until the window's end is then exactly so."""

    def __init__(self, *, per_address: str | None, per_user: str | None, storage: str) -> None:
        """Limits are written like `10/second;1000/hour`; raises InvalidSettings for what cannot be used."""
        try:
            self._limits = {ADDRESS: _parsed(per_address), USER: _parsed(per_user)}
            self._limiter = FixedWindowRateLimiter(storage_from_string(storage, wrap_exceptions=True))
        except Exception as error:
            raise InvalidSettings(f"RATE_LIMIT_PER_…, RATE_LIMIT_STORAGE: {error}") from error

    async def spend(self, kind: str, who: str, scope: Scope) -> None:
        """Count the request; raises RateLimited. A store that is gone lets everybody through."""
        limits = self._limits[kind]
        spent: list[Spent] = scope["state"].setdefault(STATE, [])
        for item in limits:
            window = item.get_expiry()
            policy = kind if len(limits) == 1 else f"{kind}-{window}"
            try:
                is_allowed = await self._limiter.hit(item, kind, who)
                reset_at, remaining = await self._limiter.get_window_stats(item, kind, who)
            except StorageError as error:
                log.warning("rate_limit.not_counted", policy=policy, error=repr(error))
                continue
            reset = max(1, ceil(reset_at - time.time()))
            spent.append(Spent(policy, item.amount, window, remaining, reset))
            if not is_allowed:
                raise RateLimited(policy, retry_after_seconds=reset)


def rate_limits_of(settings: Settings) -> RateLimits | None:
    """None where nothing is bounded."""
    if not (settings.rate_limit_per_address or settings.rate_limit_per_user):
        return None
    return RateLimits(
        per_address=settings.rate_limit_per_address,
        per_user=settings.rate_limit_per_user,
        storage=settings.rate_limit_storage.get_secret_value(),
    )


class RateLimit:
    """Pure ASGI: counts the address, before anything is read, and tells of all limits in the answer."""

    def __init__(self, app: ASGIApp, *, limits: RateLimits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in FREE:
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                told = _headers(scope["state"].get(STATE, []))
                message = {**message, "headers": [*message["headers"], *told]}
            await send(message)

        try:
            await self._limits.spend(ADDRESS, address_of(scope), scope)
        except RateLimited as refusal:
            await answer_for(refusal, scope)(scope, receive, send_with_headers)
            return
        await self._app(scope, receive, send_with_headers)


def address_of(scope: Scope) -> str:
    """The client's address; of IPv6 the network, of which one client has as many addresses as it likes."""
    client = scope.get("client")
    if not client:
        return "unknown"
    try:
        address = ipaddress.ip_address(client[0])
    except ValueError:
        return str(client[0])
    if address.version == 4:  # noqa: PLR2004 - IP's
        return str(address)
    return str(ipaddress.ip_network((address, IPV6_NETWORK_BITS), strict=False))


def _parsed(limits: str | None) -> list[RateLimitItem]:
    return parse_many(limits) if limits else []


def _headers(spent: list[Spent]) -> list[tuple[bytes, bytes]]:
    if not spent:
        return []
    policies = ", ".join(f'"{one.policy}";q={one.quota};w={one.window_seconds}' for one in spent)
    left = ", ".join(f'"{one.policy}";r={one.remaining};t={one.reset_seconds}' for one in spent)
    return [(b"ratelimit-policy", policies.encode()), (b"ratelimit", left.encode())]
