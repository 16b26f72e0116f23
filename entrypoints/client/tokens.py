"""The token of each request, also where tokens are renewed while the client lives."""

from collections.abc import Callable, Generator

import httpx


class BearerToken(httpx.Auth):
    """A token, or a function that returns the one that is valid now; it is asked for each request."""

    def __init__(self, token: str | Callable[[], str]) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        token = self._token if isinstance(self._token, str) else self._token()
        request.headers["Authorization"] = f"Bearer {token}"
        yield request
