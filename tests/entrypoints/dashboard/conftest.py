"""The dashboard over a world in memory, in process and in Chromium."""

import asyncio
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import uvicorn
from fastapi import FastAPI
from playwright.async_api import Browser, Page, async_playwright

from adapters.jwks_tokens import JwksTokenVerifier
from adapters.local_issuer import LocalIssuer
from adapters.system import SystemClock
from domain.identifiers import UserId
from entrypoints.api.app import create_app
from entrypoints.settings import Settings
from tests.entrypoints.dashboard.world import World

CHROMIUM = shutil.which("chromium")
# Nothing that Chromium does by itself, and what it needs where everything runs as root.
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars",
]  # fmt: skip
START_SECONDS = 20.0


@dataclass
class Site:
    """A running dashboard, the world behind it, and tokens for it."""

    world: World
    app: FastAPI
    issuer: LocalIssuer
    url: str

    def token(self, user: str = "op-erika", *roles: str, lifetime_seconds: int = 3600) -> str:
        return self.issuer.issue(user_id=UserId(user), roles=roles, lifetime_seconds=lifetime_seconds)


def make_site(directory: Path, port: int = 0) -> Site:
    settings = Settings(data_directory=directory, api_port=port)
    world = World()
    issuer = LocalIssuer(directory / "keys", issuer=settings.issuer, clock=SystemClock())

    async def fetch() -> dict[str, Any]:
        return issuer.jwks()

    verifier = JwksTokenVerifier(issuer=settings.issuer, clock=SystemClock(), fetch=fetch)
    app = create_app(verifier, settings, issuer, services=world.services)
    return Site(world, app, issuer, f"http://127.0.0.1:{port}")


@asynccontextmanager
async def served(jobs: int) -> AsyncIterator[Site]:
    """A site on a port of its own, whose world has lived through so many jobs."""
    with socket.create_server(("127.0.0.1", 0)) as listening, tempfile.TemporaryDirectory() as directory:
        site = make_site(Path(directory), listening.getsockname()[1])
        await site.world.live_through(jobs)
        server = uvicorn.Server(uvicorn.Config(site.app, log_config=None, lifespan="off"))
        serving = asyncio.create_task(server.serve([listening]))
        try:
            yield site
        finally:
            site.app.state.watch.close()
            server.should_exit = True
            server.force_exit = True
            await serving


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A headless Chromium with an empty profile."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            yield browser
        finally:
            await browser.close()


async def sign_in(page: Page, site: Site, user: str = "op-erika", *roles: str) -> None:
    """By the link that `jobledger up` prints."""
    await page.goto(f"{site.url}/dashboard/sign-in#token={site.token(user, *roles)}")
    await page.wait_for_url(f"{site.url}/dashboard")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for all tests of a module."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed; Debian's package is named chromium.")
    async with chromium() as started:
        yield started


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A dashboard whose world is still empty."""
    made = make_site(tmp_path)
    made.world.clock.at = None
    return made
