"""Who the caller is, by the token that they bring."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from domain.identifiers import UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedToken:
    """`claims` are what the issuer signed; `user_id` is the token's `sub`."""

    user_id: UserId
    expires_at: datetime
    claims: dict[str, Any]


class TokenVerifier(Protocol):
    async def verify(self, token: str) -> VerifiedToken:
        """Raises NotAuthenticated for a token that cannot be trusted, IssuerUnavailable if nobody knows."""


class TokenIssuer(Protocol):
    """The local issuer: it exists where ENVIRONMENT is local and no SUPABASE_URL is set."""

    def issue(self, *, user_id: UserId, roles: tuple[str, ...] = (), lifetime_seconds: int = 86_400) -> str:
        """A signed token for a local user."""

    def jwks(self) -> dict[str, Any]:
        """The public keys, as a JWK set (RFC 7517)."""
