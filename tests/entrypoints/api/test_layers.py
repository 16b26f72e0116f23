"""The layers around all routes: their order, and what each of them refuses."""

import asyncio
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import ValidationError

from entrypoints.api import layers
from entrypoints.api.bounds import RequestBounds
from entrypoints.api.rate_limits import rate_limits_of
from entrypoints.settings import Settings
from tests.entrypoints.api.conftest import Client, MakeApp

ORIGIN = {"Origin": "https://app.example"}


def test_the_layers_stand_in_the_documented_order() -> None:
    everything = Settings(rate_limit_per_user="1/hour", cors_origins=["https://app.example"])
    app = FastAPI()
    app.state.rate_limits = rate_limits_of(everything)
    tracing: Any = SimpleNamespace(is_on=True)
    layers.wrap(app, everything, tracing)
    page = (Path(__file__).parents[3] / "docs" / "api.md").read_text()
    documented = re.findall(r"^\d\. `(\w+)`", page, re.MULTILINE)

    assert [getattr(layer.cls, "__name__", "") for layer in app.user_middleware] == documented


def test_what_is_not_set_is_not_there(app: FastAPI) -> None:
    names = [getattr(layer.cls, "__name__", "") for layer in app.user_middleware]

    assert names == ["RequestIdentity", "RequestMetrics", "RequestBounds", "HeadAsGet", "QuickRoutes"]


async def test_a_browser_application_of_a_known_origin_may_ask(make_app: MakeApp, settings: Settings) -> None:
    app = make_app(settings.model_copy(update={"cors_origins": ["https://app.example"]}))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "idempotency-key"}
        before = await client.options("/jobs", headers=ORIGIN | asked)
        refused = await client.get("/jobs", headers=ORIGIN)
        stranger = await client.get("/jobs", headers={"Origin": "https://evil.example"})

    assert before.status_code == 200
    assert before.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert "X-Request-ID" in before.headers
    # A refusal can be read, too.
    assert refused.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert set(layers.TOLD_HEADERS) == set(refused.headers["Access-Control-Expose-Headers"].split(", "))
    assert "Access-Control-Allow-Origin" not in stranger.headers


async def test_without_origins_no_browser_application_may(client: httpx.AsyncClient) -> None:
    assert "Access-Control-Allow-Origin" not in (await client.get("/health", headers=ORIGIN)).headers


async def test_a_request_without_an_answer_in_time_is_a_503(app: FastAPI) -> None:
    never = asyncio.Event()

    @app.get("/never")
    async def never_answers() -> None:
        await never.wait()

    (bounds,) = [
        layer for layer in app.user_middleware if getattr(layer.cls, "__name__", "") == "RequestBounds"
    ]
    bounds.kwargs.update(seconds=0.05, look_every=0.01)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        answer = await client.get("/never")
        after = await client.get("/health")

    assert answer.status_code == 503
    assert answer.json()["type"] == "/problems/timed-out"
    assert answer.headers["Retry-After"] == "5"
    assert answer.json()["request_id"] == answer.headers["X-Request-ID"]
    assert after.status_code == 200


async def test_what_has_begun_to_answer_is_not_timed() -> None:
    begun = asyncio.Event()
    goes_on = asyncio.Event()

    async def streams(scope: object, receive: object, send: "object") -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})  # type: ignore[operator]
        begun.set()
        await goes_on.wait()
        await send({"type": "http.response.body", "body": b"all of it"})  # type: ignore[operator]

    bounds = RequestBounds(streams, seconds=0.0, look_every=0.01)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(bounds), base_url="http://test") as client:
        asking = asyncio.create_task(client.get("/"))
        await begun.wait()
        while bounds._watching and not bounds._watching.done():
            await asyncio.sleep(0)
        goes_on.set()

        assert (await asking).content == b"all of it"


async def test_a_caller_who_hangs_up_is_not_answered_late() -> None:
    begun = asyncio.Event()

    async def waits(scope: object, receive: object, send: object) -> None:
        begun.set()
        await asyncio.Event().wait()

    bounds = RequestBounds(waits, seconds=60)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(bounds), base_url="http://test") as client:
        asking = asyncio.create_task(client.get("/"))
        await begun.wait()
        asking.cancel()

        with pytest.raises(asyncio.CancelledError):
            await asking
    assert bounds._began == {}


def test_a_timeout_leaves_room_for_the_longest_wait() -> None:
    with pytest.raises(ValidationError):
        Settings(request_timeout_seconds=30)


async def test_who_may_not_and_who_did_not_say_who_they_are_are_told_so(as_user: Client) -> None:
    missing = await as_user(None).get("/jobs")
    wrong = await as_user(None).get("/jobs", headers={"Authorization": "Bearer nonsense"})
    forbidden = await as_user("user-1").post("/jobs", json={"job_type": "sample_task", "on_behalf_of": "x"})

    assert missing.headers["WWW-Authenticate"] == 'Bearer realm="jobledger"'
    assert 'error="invalid_token"' in wrong.headers["WWW-Authenticate"]
    assert 'error="insufficient_scope"' in forbidden.headers["WWW-Authenticate"]
