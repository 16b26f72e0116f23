"""Who asks too often is told when to come again, and everybody how much is left."""

import httpx
import pytest
from fastapi import FastAPI
from limits.errors import StorageError

from adapters.local_issuer import LocalIssuer
from domain.errors import InvalidSettings
from domain.identifiers import UserId
from entrypoints.api.rate_limits import RateLimits, address_of
from entrypoints.settings import Settings
from tests.entrypoints.api.conftest import MakeApp


def client_of(app: FastAPI, issuer: LocalIssuer, user: str, address: str = "10.0.0.1") -> httpx.AsyncClient:
    token = issuer.issue(user_id=UserId(user))
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app, client=(address, 1)),
        base_url="http://test",
        headers={"Authorization": f"Bearer {token}"},
    )


async def test_a_user_is_bounded_wherever_they_ask_from(
    make_app: MakeApp, settings: Settings, issuer: LocalIssuer
) -> None:
    app = make_app(settings.model_copy(update={"rate_limit_per_user": "3/hour"}))
    places = [client_of(app, issuer, "user-1", f"10.0.0.{number}") for number in range(4)]
    answers = [await place.get("/jobs") for place in places]
    other = await client_of(app, issuer, "user-2").get("/jobs")

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["RateLimit"].split(";")[1] for answer in answers] == ["r=2", "r=1", "r=0", "r=0"]
    assert answers[0].headers["RateLimit-Policy"] == '"user";q=3;w=3600'
    assert other.status_code == 200
    refused = answers[3]
    assert 0 < int(refused.headers["Retry-After"]) <= 3600
    assert refused.json()["type"] == "/problems/rate-limited"
    assert refused.json()["violated-policies"] == ["user"]


async def test_an_address_is_bounded_before_its_token_is_looked_at(
    make_app: MakeApp, settings: Settings, issuer: LocalIssuer
) -> None:
    app = make_app(settings.model_copy(update={"rate_limit_per_address": "2/hour;100/day"}))
    guessing = client_of(app, issuer, "user-1")
    guessing.headers["Authorization"] = "Bearer nonsense"
    answers = [await guessing.get("/jobs") for _ in range(3)]
    elsewhere = await client_of(app, issuer, "user-1", "10.0.0.2").get("/jobs")

    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert answers[2].headers["X-Request-ID"]
    assert answers[2].headers["RateLimit-Policy"] == '"address-3600";q=2;w=3600'
    assert elsewhere.status_code == 200
    assert elsewhere.headers["RateLimit-Policy"] == '"address-3600";q=2;w=3600, "address-86400";q=100;w=86400'


async def test_who_watches_over_the_service_is_never_bounded(
    make_app: MakeApp, settings: Settings, issuer: LocalIssuer
) -> None:
    app = make_app(settings.model_copy(update={"rate_limit_per_address": "1/hour"}))
    client = client_of(app, issuer, "user-1")
    answers = [await client.get("/health") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert "RateLimit" not in answers[0].headers


async def test_without_limits_nothing_is_counted_or_told(client: httpx.AsyncClient) -> None:
    assert "RateLimit" not in (await client.get("/jobs")).headers


def test_the_addresses_of_one_ipv6_network_count_together() -> None:
    assert address_of({"client": ("2001:db8::1", 1)}) == address_of({"client": ("2001:db8::2", 1)})
    assert address_of({"client": ("10.0.0.1", 1)}) != address_of({"client": ("10.0.0.2", 1)})
    assert address_of({}) == "unknown"


@pytest.mark.parametrize(
    ("per_user", "storage"), [("many", "async+memory://"), ("1/hour", "carrier-pigeon://")]
)
def test_limits_that_make_no_sense_stop_the_start(per_user: str, storage: str) -> None:
    with pytest.raises(InvalidSettings):
        RateLimits(per_address=None, per_user=per_user, storage=storage)


async def test_a_store_that_is_gone_lets_everybody_through(
    monkeypatch: pytest.MonkeyPatch, make_app: MakeApp, settings: Settings, issuer: LocalIssuer
) -> None:
    async def gone(*_: object) -> bool:
        raise StorageError(ConnectionError("the store is gone"))

    app = make_app(settings.model_copy(update={"rate_limit_per_user": "1/hour"}))
    monkeypatch.setattr(app.state.rate_limits._limiter, "hit", gone)
    client = client_of(app, issuer, "user-1")

    assert [(await client.get("/jobs")).status_code for _ in range(2)] == [200, 200]
