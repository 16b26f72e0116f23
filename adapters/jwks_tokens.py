"""Tokens verified against the issuer's published keys (RFC 7517, RFC 7519, RFC 8725)."""

import asyncio
import base64
import hashlib
import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import jwt
import structlog
from jwt import PyJWK

from domain.errors import IssuerUnavailable, NotAuthenticated
from domain.identifiers import UserId
from domain.ports.system import Clock
from domain.ports.tokens import VerifiedToken

AUDIENCE = "authenticated"
ALGORITHMS = {"ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA"}
MAX_TOKEN_BYTES = 8192
MAX_SUBJECT_CHARACTERS = 255
REMEMBERED = 10_000
LEEWAY = timedelta(seconds=30)
FRESH_FOR = timedelta(minutes=10)
STALE_FOR = timedelta(hours=1)
REFETCH_AFTER = timedelta(seconds=10)

REFUSED = "The token is not valid."
EXPIRED = "The token has expired."
UNREACHABLE = "Tokens cannot be verified now: their issuer does not answer."

log = structlog.get_logger()


class _Remembered(NamedTuple):
    """A token that was verified, and by which of the fetched keys."""

    token: VerifiedToken
    kid: str
    key: PyJWK


class JwksTokenVerifier:
    """Remembers each verified token, so that its second request costs microseconds.

    What a token says never changes, so only time and keys can end the trust in it: a remembered one is looked
    at for its expiry each time, and verified anew once the keys were fetched again, so that a withdrawn key
    takes its tokens along. When too many are remembered, those used least recently go first.

    Keys are fetched again when they are older than ten minutes (remembered tokens do not wait for that), or,
    at most every ten seconds, when a token names one that is unknown; while the issuer is down the old ones
    serve for an hour.
    """

    def __init__(
        self,
        *,
        issuer: str,
        clock: Clock,
        fetch: Callable[[], Awaitable[dict[str, Any]]] | None = None,
        remembered: int = REMEMBERED,
    ) -> None:
        self._issuer = issuer
        self._clock = clock
        self._fetch = fetch or self._fetch_over_http
        self._keys: dict[str, PyJWK] = {}
        self._fetched_at: datetime | None = None
        self._tried_at: datetime | None = None
        self._fetching = asyncio.Lock()
        self._max_remembered = remembered
        self._remembered: OrderedDict[bytes, _Remembered] = OrderedDict()
        self._refreshing: asyncio.Task[None] | None = None

    async def verify(self, token: str) -> VerifiedToken:
        digest = hashlib.sha256(token.encode("utf-8", "replace")).digest()
        known = self._remembered.get(digest)
        if known:
            if known.token.expires_at + LEEWAY <= self._clock.now():
                del self._remembered[digest]
                raise NotAuthenticated(EXPIRED)
            if self._is_trusted(known):
                self._remembered.move_to_end(digest)
                return known.token
        kid, key = await self._key_of(token)
        verified = self._verified(token, key)
        self._remembered[digest] = _Remembered(verified, kid, key)
        if len(self._remembered) > self._max_remembered:
            self._remembered.popitem(last=False)
        return verified

    def _is_trusted(self, known: _Remembered) -> bool:
        age = self._age_of_keys()
        if age is None or age > STALE_FOR or self._keys.get(known.kid) is not known.key:
            return False
        if age > FRESH_FOR and (self._refreshing is None or self._refreshing.done()):
            self._refreshing = asyncio.create_task(self._refresh(wanted=known.kid))
        return True

    async def _key_of(self, token: str) -> tuple[str, PyJWK]:
        if len(token) > MAX_TOKEN_BYTES or not token.isascii():
            raise NotAuthenticated(REFUSED)
        try:
            kid = jwt.get_unverified_header(token).get("kid")
        except jwt.PyJWTError:
            raise NotAuthenticated(REFUSED) from None
        if not isinstance(kid, str):
            raise NotAuthenticated(REFUSED)
        await self._refresh(wanted=kid)
        key = self._keys.get(kid)
        if key is None:
            if self._fetched_at is None:
                raise IssuerUnavailable(UNREACHABLE)
            raise NotAuthenticated(REFUSED)
        return kid, key

    def _verified(self, token: str, key: PyJWK) -> VerifiedToken:
        now = self._clock.now()
        try:
            # The algorithm is the key's, never the token's. Times are checked below, by our own clock.
            claims = jwt.decode(
                token,
                key,
                algorithms=[key.algorithm_name],
                audience=AUDIENCE,
                issuer=self._issuer,
                options={
                    "require": ["exp", "sub", "aud", "iss"],
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
            expires_at = datetime.fromtimestamp(float(claims["exp"]), UTC)
            begins_at = datetime.fromtimestamp(float(claims.get("nbf", 0)), UTC)
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, OSError):
            raise NotAuthenticated(REFUSED) from None
        subject = claims["sub"]
        if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT_CHARACTERS:
            raise NotAuthenticated(REFUSED)
        if not subject.isprintable() or begins_at > now + LEEWAY:
            raise NotAuthenticated(REFUSED)
        if expires_at + LEEWAY <= now:
            raise NotAuthenticated(EXPIRED)
        return VerifiedToken(user_id=UserId(subject), expires_at=expires_at, claims=claims)

    async def _refresh(self, *, wanted: str) -> None:
        """Fetch the keys when they are old, or when `wanted` is not among them; one fetch for everybody."""
        if not self._lacks(wanted):
            return
        async with self._fetching:
            # Whoever held the lock may have fetched what we lack, or tried just now.
            now = self._clock.now()
            was_tried = self._tried_at is not None and now - self._tried_at < REFETCH_AFTER
            if was_tried or not self._lacks(wanted):
                return
            self._tried_at = now
            try:
                self._keys = usable_keys(await self._fetch())
                self._fetched_at = now
            except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
                log.warning("jwks.unavailable", error=repr(error))
            if self._fetched_at and now - self._fetched_at > STALE_FOR:
                self._keys, self._fetched_at = {}, None

    def _lacks(self, wanted: str) -> bool:
        age = self._age_of_keys()
        return age is None or age > FRESH_FOR or wanted not in self._keys

    def _age_of_keys(self) -> timedelta | None:
        return self._clock.now() - self._fetched_at if self._fetched_at else None

    async def _fetch_over_http(self) -> dict[str, Any]:
        return await fetch_keys(self._issuer)


async def fetch_keys(issuer: str) -> dict[str, Any]:
    """What the issuer publishes; raises ConnectionError when it does not answer."""
    import httpx  # noqa: PLC0415 - slow to import, and of all processes only the API fetches keys

    try:
        async with httpx.AsyncClient(timeout=3.0) as client:
            response = await client.get(f"{issuer}/.well-known/jwks.json")
            response.raise_for_status()
            keys: dict[str, Any] = response.json()
            return keys
    except httpx.HTTPError as error:
        raise ConnectionError(str(error)) from error


def usable_keys(jwks: dict[str, Any]) -> dict[str, PyJWK]:
    """The asymmetric signing keys by their id; what we cannot use is left out, not an error."""
    keys = {}
    for published in jwks["keys"]:
        if not isinstance(published, dict) or not isinstance(published.get("kid"), str):
            continue
        try:
            key = PyJWK(published)
        except (jwt.PyJWTError, NotImplementedError):
            # NotImplementedError is what PyJWT says of a key whose algorithm is `none`.
            continue
        if key.algorithm_name in ALGORITHMS and published.get("use", "sig") == "sig":
            keys[published["kid"]] = key
    return keys


def thumbprint(jwk: dict[str, Any]) -> str:
    """The id of an EC key by RFC 7638."""
    required = {name: jwk[name] for name in ("crv", "kty", "x", "y")}
    text = json.dumps(required, sort_keys=True, separators=(",", ":"))
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
