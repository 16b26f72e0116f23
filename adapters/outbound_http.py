"""Calling servers that users name, guarded against server-side request forgery.

A name is resolved here, every address that it has is checked, and the connection goes to one of those: a
second look-up could be answered differently ("DNS rebinding"). Each redirect passes the same way.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import httpx

from domain.ports.outbound_http import DestinationRefused, NoAnswer, OutboundAnswer, OutboundRequest

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MAX_BODY_BYTES = 64 * 1024
MAX_TOLD_HEADERS = 50
MAX_TOLD_HEADER_CHARACTERS = 1000
# Addresses that carry an IPv4 address inside, which a gateway on the way may unwrap: RFC 6052, 3056, 4380.
WRAPPING = [
    ip_network("64:ff9b::/96"),
    ip_network("64:ff9b:1::/48"),
    ip_network("2002::/16"),
    ip_network("2001::/32"),
]


Resolve = Callable[[str, int], Awaitable[list[str]]]


async def resolve(host: str, port: int) -> list[str]:
    """The host's addresses by the system's resolver, the preferred one first; raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(place[0]) for *_, place in found]


class GuardedHttp:
    """Reaches public addresses, and those of `allowed`, networks that the operator opens (CIDR)."""

    def __init__(
        self, allowed: Sequence[str] = (), *, resolve: Resolve = resolve, tls: ssl.SSLContext | None = None
    ) -> None:
        self._allowed = [ip_network(network) for network in allowed]
        self._resolve = resolve
        self._tls = tls

    async def send(self, request: OutboundRequest) -> OutboundAnswer:
        try:
            async with asyncio.timeout(request.timeout_seconds), self._client(request) as client:
                headers = dict(request.headers)
                async with client.stream(
                    request.method, request.url, headers=headers, content=request.body
                ) as response:
                    body, is_cut = await _bounded(response)
        except (httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.LocalProtocolError) as error:
            raise DestinationRefused(f"{request.url} cannot be asked: {error}") from error
        except httpx.TooManyRedirects as error:
            raise DestinationRefused(
                f"{request.url} redirects more than {request.max_redirects} times."
            ) from error
        except TimeoutError as error:
            raise NoAnswer(f"{request.url} did not answer in {request.timeout_seconds:g} s.") from error
        except httpx.HTTPError as error:
            raise NoAnswer(f"{request.url} gave no answer: {error or type(error).__name__}") from error
        return OutboundAnswer(
            status=response.status_code,
            url=str(response.url),
            headers={
                name: value[:MAX_TOLD_HEADER_CHARACTERS]
                for name, value in list(response.headers.items())[:MAX_TOLD_HEADERS]
            },
            body=body,
            is_cut=is_cut,
        )

    def _client(self, request: OutboundRequest) -> httpx.AsyncClient:
        # One for each request: cookies and connections of one user are nothing to the next.
        return httpx.AsyncClient(
            transport=_Guarded(self._allowed, self._resolve, self._tls or _tls()),
            timeout=request.timeout_seconds,
            follow_redirects=request.max_redirects > 0,
            max_redirects=request.max_redirects,
            trust_env=False,
        )


class _Guarded(httpx.AsyncBaseTransport):
    """Puts a checked address in the place of the host's name; TLS still asks for the name's certificate."""

    def __init__(self, allowed: Sequence[Network], resolve: Resolve, tls: ssl.SSLContext) -> None:
        self._allowed = allowed
        self._resolve = resolve
        # No connection is used twice: one to an address would be taken for any name that leads there.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._transport = httpx.AsyncHTTPTransport(verify=tls, trust_env=False, limits=limits)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        if request.url.scheme not in ("http", "https") or not host:
            raise httpx.UnsupportedProtocol("the URL must begin with http:// or https:// and name a host")
        address = await self._checked(host, request.url.port or {"https": 443}.get(request.url.scheme, 80))
        request.extensions = request.extensions | {"sni_hostname": host}
        url = request.url
        request.url = url.copy_with(host=str(address))
        try:
            return await self._transport.handle_async_request(request)
        finally:
            # What redirects and the answer's URL are made from.
            request.url = url

    async def aclose(self) -> None:
        await self._transport.aclose()

    async def _checked(self, host: str, port: int) -> Address:
        try:
            found = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise NoAnswer(f"The host {host} is not known: {error}") from error
        addresses = [ip_address(address.partition("%")[0]) for address in found]
        if not addresses:
            raise NoAnswer(f"The host {host} has no address.")
        for address in addresses:
            if not may_reach(address, self._allowed):
                raise DestinationRefused(
                    f"{host} is at {address}, which is not public; HTTP_ALLOWED_NETWORKS can open it."
                )
        return addresses[0]


def may_reach(address: Address, allowed: Sequence[Network]) -> bool:
    """Whether the address is public unicast, or in one of the `allowed` networks."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if any(address in network for network in allowed if network.version == address.version):
        return True
    if any(address in network for network in WRAPPING if network.version == address.version):
        return False
    return address.is_global and not address.is_multicast


async def _bounded(response: httpx.Response) -> tuple[bytes, bool]:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            return bytes(body[:MAX_BODY_BYTES]), True
    return bytes(body), False


@cache
def _tls() -> ssl.SSLContext:
    # Reading the certificates takes longer than a request.
    return httpx.create_ssl_context(trust_env=False)
