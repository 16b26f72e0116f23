"""The API over a real database, asked in process."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from adapters.jwks_tokens import JwksTokenVerifier
from adapters.local_issuer import LocalIssuer
from adapters.system import SystemClock
from domain.identifiers import UserId
from entrypoints.api.app import create_app
from entrypoints.services import Services
from entrypoints.settings import Settings

Client = Callable[..., httpx.AsyncClient]
MakeApp = Callable[[Settings], FastAPI]


@pytest.fixture
def issuer(tmp_path: Path, settings: Settings) -> LocalIssuer:
    return LocalIssuer(tmp_path / "keys", issuer=settings.issuer, clock=SystemClock())


@pytest.fixture
def make_app(services: Services, settings: Settings, issuer: LocalIssuer) -> MakeApp:
    """The application under other settings than the usual ones."""

    async def fetch() -> dict[str, Any]:
        return issuer.jwks()

    def make(changed: Settings) -> FastAPI:
        verifier = JwksTokenVerifier(issuer=settings.issuer, clock=SystemClock(), fetch=fetch)
        return create_app(verifier, changed, issuer, services=services)

    return make


@pytest.fixture
def app(make_app: MakeApp, settings: Settings) -> FastAPI:
    return make_app(settings)


@pytest.fixture
async def as_user(app: FastAPI, issuer: LocalIssuer) -> AsyncIterator[Client]:
    """A client for a user, with roles if need be; no user means no token."""
    clients: list[httpx.AsyncClient] = []

    def make(user: str | None = "user-1", *roles: str) -> httpx.AsyncClient:
        headers = {}
        if user:
            headers["Authorization"] = f"Bearer {issuer.issue(user_id=UserId(user), roles=roles)}"
        transport = httpx.ASGITransport(app, raise_app_exceptions=True)
        clients.append(httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers))
        return clients[-1]

    yield make
    for client in clients:
        await client.aclose()


@pytest.fixture
def client(as_user: Client) -> httpx.AsyncClient:
    return as_user()
