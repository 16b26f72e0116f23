"""Tokens against a real JWKS server over HTTP, which rotates its keys and dies."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from adapters.jwks_tokens import JwksTokenVerifier
from domain.errors import IssuerUnavailable, NotAuthenticated
from tests.fakes.system import FakeClock


@dataclass
class Issuer:
    """An issuer with a real server; `answer` replaces what it would say."""

    clock: FakeClock = field(default_factory=FakeClock)
    answer: bytes | None = None
    asked: int = 0
    keys: dict[str, ec.EllipticCurvePrivateKey] = field(default_factory=dict)

    def __post_init__(self) -> None:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked += 1
                found = self.path == "/auth/v1/.well-known/jwks.json"
                body = issuer.answer if issuer.answer is not None else issuer.jwks()
                self.send_response(200 if found else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/auth/v1"
        self.verifier = JwksTokenVerifier(issuer=self.url, clock=self.clock)
        self.rotate("first")

    def jwks(self) -> bytes:
        public = [
            ECAlgorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": kid, "alg": "ES256", "use": "sig"}
            for kid, key in self.keys.items()
        ]
        return json.dumps({"keys": public}).encode()

    def rotate(self, kid: str, *, keep: bool = False) -> None:
        old = self.keys if keep else {}
        self.keys = old | {kid: ec.generate_private_key(ec.SECP256R1())}

    def token(self, kid: str, **changed: Any) -> str:
        claims = {
            "iss": self.url,
            "aud": "authenticated",
            "sub": "user-1",
            "exp": self.clock.now() + timedelta(hours=5),
        } | changed
        return jwt.encode(claims, self.keys[kid], "ES256", headers={"kid": kid})

    def die(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    made = Issuer()
    yield made
    made.die()


async def test_keys_are_fetched_once_and_a_token_is_verified_by_them(issuer: Issuer) -> None:
    for number in range(3):
        verified = await issuer.verifier.verify(issuer.token("first", jti=str(number)))
        assert verified.user_id == "user-1"
    assert issuer.asked == 1


async def test_a_rotated_key_is_found_and_the_withdrawn_one_is_trusted_no_longer(issuer: Issuer) -> None:
    await issuer.verifier.verify(issuer.token("first"))
    late = issuer.token("first", jti="late")
    issuer.rotate("second")
    issuer.clock.advance(11)
    await issuer.verifier.verify(issuer.token("second"))
    with pytest.raises(NotAuthenticated):
        await issuer.verifier.verify(late)
    assert issuer.asked == 2


async def test_both_keys_count_while_both_are_published(issuer: Issuer) -> None:
    early = issuer.token("first")
    issuer.rotate("second", keep=True)

    for token in (early, issuer.token("second")):
        assert (await issuer.verifier.verify(token)).user_id == "user-1"


async def test_the_old_keys_serve_an_hour_after_the_issuer_died(issuer: Issuer) -> None:
    await issuer.verifier.verify(issuer.token("first"))
    issuer.die()
    issuer.clock.advance(50 * 60)
    await issuer.verifier.verify(issuer.token("first", jti="later"))
    issuer.clock.advance(20 * 60)

    # Not a 401: the token may be good, and its bearer should try again.
    with pytest.raises(IssuerUnavailable):
        await issuer.verifier.verify(issuer.token("first", jti="much later"))


async def test_an_issuer_that_was_never_there_is_no_fault_of_the_token(issuer: Issuer) -> None:
    issuer.die()

    with pytest.raises(IssuerUnavailable):
        await issuer.verifier.verify(issuer.token("first"))


@pytest.mark.parametrize("answer", [b"", b"<html>", b"[]", b'{"keys": 7}', b"null", b"\xff"])
async def test_an_issuer_that_answers_nonsense_costs_no_keys_that_we_have(
    issuer: Issuer, answer: bytes
) -> None:
    await issuer.verifier.verify(issuer.token("first"))
    issuer.answer = answer
    issuer.clock.advance(11 * 60)

    assert (await issuer.verifier.verify(issuer.token("first", jti="later"))).user_id == "user-1"
