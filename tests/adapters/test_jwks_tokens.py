"""Tokens: which are trusted, and every way to forge one that we know of."""

import asyncio
import base64
import hmac
import json
import stat
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm

from adapters.jwks_tokens import JwksTokenVerifier
from adapters.local_issuer import LocalIssuer
from domain.errors import IssuerUnavailable, NotAuthenticated
from domain.identifiers import UserId

ISSUER = "https://project.example/auth/v1"
BEGIN = datetime(2026, 6, 1, 12, tzinfo=UTC)
RSA_KEY = rsa.generate_private_key(65537, 2048)
RSA_PUBLIC = RSAAlgorithm.to_jwk(RSA_KEY.public_key(), as_dict=True) | {"kid": "rsa-1", "alg": "RS256"}


@dataclass
class FakeClock:
    at: datetime = BEGIN

    def now(self) -> datetime:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass
class PublishedKeys:
    """What the issuer publishes, and how often it was asked; None means that it is down."""

    keys: list[Any] | None
    fetches: int = 0

    async def __call__(self) -> dict[str, Any]:
        self.fetches += 1
        if self.keys is None:
            raise ConnectionError("refused")
        return {"keys": self.keys}


@dataclass
class World:
    clock: FakeClock = field(default_factory=FakeClock)
    published: PublishedKeys = field(default_factory=lambda: PublishedKeys([RSA_PUBLIC]))

    def __post_init__(self) -> None:
        self.verifier = JwksTokenVerifier(issuer=ISSUER, clock=self.clock, fetch=self.published)

    def claims(self, **changed: Any) -> dict[str, Any]:
        claims = {
            "iss": ISSUER,
            "aud": "authenticated",
            "sub": "user-1",
            "exp": self.clock.at + timedelta(hours=1),
        } | changed
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, *, headers: dict[str, Any] | None = None, key: Any = RSA_KEY, **changed: Any) -> str:
        return jwt.encode(self.claims(**changed), key, "RS256", headers={"kid": "rsa-1"} | (headers or {}))

    async def refuses(self, token: str) -> None:
        with pytest.raises(NotAuthenticated):
            await self.verifier.verify(token)


@pytest.fixture
def world() -> World:
    return World()


def handmade(header: dict[str, Any], claims: dict[str, Any], secret: bytes = b"") -> str:
    """A token that no library would make."""

    def part(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

    body = (
        f"{part(json.dumps(header).encode())}.{part(json.dumps(claims, default=datetime.timestamp).encode())}"
    )
    return f"{body}.{part(hmac.digest(secret, body.encode(), 'sha256')) if secret else ''}"


async def test_a_good_token_names_its_user(world: World) -> None:
    verified = await world.verifier.verify(world.token(app_metadata={"roles": ["auditor"]}))

    assert verified.user_id == "user-1"
    assert verified.claims["app_metadata"] == {"roles": ["auditor"]}


async def test_a_token_without_signature_is_refused(world: World) -> None:
    for algorithm in ("none", "None", "NONE", ""):
        await world.refuses(handmade({"alg": algorithm, "kid": "rsa-1"}, world.claims()))


async def test_the_public_key_is_no_secret(world: World) -> None:
    pem = RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for secret in (pem, json.dumps(RSA_PUBLIC).encode()):
        await world.refuses(handmade({"alg": "HS256", "kid": "rsa-1"}, world.claims(), secret))


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://evil.example/auth/v1"},
        {"iss": None},
        {"aud": "anon"},
        {"aud": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 17},
        {"sub": "x" * 256},
        {"sub": "line\nbreak"},
        {"exp": None},
        {"exp": BEGIN - timedelta(minutes=1)},
        {"exp": "soon"},
        {"exp": 1e300},
        {"nbf": BEGIN + timedelta(minutes=5)},
    ],
)
async def test_a_token_with_wrong_claims_is_refused(world: World, changed: dict[str, Any]) -> None:
    claims = world.claims(**changed)
    header = {"alg": "RS256", "kid": "rsa-1"}
    try:
        token = jwt.encode(claims, RSA_KEY, "RS256", headers={"kid": "rsa-1"})
    except TypeError:
        token = handmade(header, claims)
    await world.refuses(token)


@pytest.mark.parametrize("kid", ["unknown", "../../etc/passwd", "rsa-1\0", "", "' OR 1=1 --", "x" * 5000])
async def test_a_key_that_is_not_published_is_refused(world: World, kid: str) -> None:
    await world.refuses(world.token(headers={"kid": kid}))


async def test_keys_that_the_token_brings_along_are_not_looked_at(world: World) -> None:
    own = rsa.generate_private_key(65537, 2048)
    jwk = RSAAlgorithm.to_jwk(own.public_key(), as_dict=True)
    for headers in (
        {"jwk": jwk},
        {"jku": "https://evil.example/jwks.json"},
        {"x5u": "https://evil.example/cert.pem"},
        {"x5c": ["AAAA"]},
    ):
        await world.refuses(world.token(headers=headers, key=own))
    assert world.published.fetches == 1


@pytest.mark.parametrize("token", ["", ".", "..", "a.b", "a.b.c", "é.é.é", "x" * 9000, "\0", "\ud800"])
async def test_garbage_is_refused(world: World, token: str) -> None:
    await world.refuses(token)


async def test_a_symmetric_key_in_the_published_set_is_not_used(world: World) -> None:
    secret = base64.urlsafe_b64encode(b"s" * 32).decode().rstrip("=")
    world.published.keys = [{"kty": "oct", "k": secret, "kid": "oct-1", "alg": "HS256"}, RSA_PUBLIC]

    await world.refuses(handmade({"alg": "HS256", "kid": "oct-1"}, world.claims(), b"s" * 32))


@pytest.mark.parametrize(
    "odd",
    [
        None,
        "a key",
        {},
        {"kty": "EC", "kid": "odd"},
        RSA_PUBLIC | {"alg": "none", "kid": "odd"},
        RSA_PUBLIC | {"kid": ["odd"]},
    ],
)
async def test_a_published_key_that_cannot_be_used_does_not_spoil_the_others(world: World, odd: Any) -> None:
    world.published.keys = [odd, RSA_PUBLIC]

    assert (await world.verifier.verify(world.token())).user_id == "user-1"


async def test_of_too_many_remembered_tokens_those_used_least_recently_are_forgotten(world: World) -> None:
    verifier = JwksTokenVerifier(issuer=ISSUER, clock=world.clock, fetch=world.published, remembered=2)
    tokens = [world.token(jti=str(number)) for number in range(3)]
    verified = [await verifier.verify(tokens[number]) for number in (0, 1, 0, 2)]

    assert await verifier.verify(tokens[0]) is verified[0]
    assert await verifier.verify(tokens[2]) is verified[3]
    assert await verifier.verify(tokens[1]) is not verified[1]


async def test_a_token_whose_critical_extension_we_do_not_know_is_refused(world: World) -> None:
    await world.refuses(world.token(headers={"crit": ["unknown"], "unknown": 1}))


async def test_a_header_nested_without_end_is_refused(world: World) -> None:
    nested = base64.urlsafe_b64encode(b"[" * 5900).decode()

    await world.refuses(f"{nested}.e30.AAAA")


async def test_a_remembered_token_still_expires(world: World) -> None:
    token = world.token()
    await world.verifier.verify(token)
    world.clock.at += timedelta(hours=2)

    await world.refuses(token)


async def test_a_new_key_is_found_without_waiting_for_the_old_ones_to_age(world: World) -> None:
    await world.verifier.verify(world.token())
    rotated = rsa.generate_private_key(65537, 2048)
    jwk = RSAAlgorithm.to_jwk(rotated.public_key(), as_dict=True) | {"kid": "rsa-2", "alg": "RS256"}
    world.published.keys = [RSA_PUBLIC, jwk]
    world.clock.at += timedelta(seconds=11)

    await world.verifier.verify(world.token(headers={"kid": "rsa-2"}, key=rotated))


async def test_unknown_keys_do_not_make_us_hammer_the_issuer(world: World) -> None:
    for number in range(50):
        await world.refuses(world.token(headers={"kid": f"unknown-{number}"}))

    assert world.published.fetches == 1


async def test_the_first_requests_wait_for_one_fetch_together(world: World) -> None:
    answered = asyncio.Event()

    async def slow() -> dict[str, Any]:
        await answered.wait()
        return await world.published()

    verifier = JwksTokenVerifier(issuer=ISSUER, clock=world.clock, fetch=slow)
    first = [asyncio.create_task(verifier.verify(world.token(jti=str(number)))) for number in range(8)]
    await asyncio.sleep(0)
    answered.set()

    assert {verified.user_id for verified in await asyncio.gather(*first)} == {"user-1"}
    assert world.published.fetches == 1


async def test_while_the_issuer_is_down_the_old_keys_serve_for_a_bounded_time(world: World) -> None:
    await world.verifier.verify(world.token())
    world.published.keys = None
    world.clock.at += timedelta(minutes=50)
    await world.verifier.verify(world.token(jti="later"))

    world.clock.at += timedelta(minutes=20)
    with pytest.raises(IssuerUnavailable):
        await world.verifier.verify(world.token(jti="much later"))


async def test_a_key_that_was_withdrawn_is_trusted_no_longer(world: World) -> None:
    await world.verifier.verify(world.token())
    world.published.keys = []
    world.clock.at += timedelta(minutes=11)

    await world.refuses(world.token(jti="later"))


async def test_a_withdrawn_key_takes_remembered_tokens_along(world: World) -> None:
    token = world.token()
    await world.verifier.verify(token)
    world.published.keys = []
    world.clock.at += timedelta(minutes=11)

    async def until_refused() -> None:
        # The keys are asked for meanwhile.
        async with asyncio.timeout(30):
            while await world.verifier.verify(token):
                await asyncio.sleep(0)

    with pytest.raises(NotAuthenticated):
        await until_refused()
    assert world.published.fetches == 2


async def test_under_stale_keys_a_remembered_token_waits_for_new_ones(world: World) -> None:
    token = world.token(exp=world.clock.at + timedelta(days=1))
    await world.verifier.verify(token)
    world.published.keys = []
    world.clock.at += timedelta(minutes=61)

    await world.refuses(token)


async def test_a_remembered_token_does_not_wait_for_an_issuer_that_is_down(world: World) -> None:
    token = world.token(exp=world.clock.at + timedelta(days=1))
    never = asyncio.Event()
    first = True

    async def answers_once() -> dict[str, Any]:
        nonlocal first
        if not first:
            await never.wait()
        first = False
        return await world.published()

    verifier = JwksTokenVerifier(issuer=ISSUER, clock=world.clock, fetch=answers_once)
    verified = await verifier.verify(token)
    world.clock.at += timedelta(minutes=11)
    again = [await verifier.verify(token)]
    await asyncio.sleep(0)
    again.append(await verifier.verify(token))
    never.set()

    assert [each is verified for each in again] == [True, True]


async def test_the_local_issuers_token_is_verified_by_its_published_keys(tmp_path: Path) -> None:
    clock = FakeClock()
    issuer = LocalIssuer(tmp_path, issuer=ISSUER, clock=clock)
    again = LocalIssuer(tmp_path, issuer=ISSUER, clock=clock)
    keys = PublishedKeys(issuer.jwks()["keys"])
    verifier = JwksTokenVerifier(issuer=ISSUER, clock=clock, fetch=keys)
    verified = await verifier.verify(again.issue(user_id=UserId("local-user"), roles=("operator",)))

    assert verified.user_id == "local-user"
    assert verified.claims["app_metadata"]["roles"] == ["operator"]
    (key_file,) = tmp_path.iterdir()
    assert stat.filemode(key_file.stat().st_mode) == "-rw-------"
