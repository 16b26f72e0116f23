"""The local issuer's published keys, where the service is its own issuer."""

from typing import Any

from fastapi import APIRouter

from domain.ports.tokens import TokenIssuer


def router_for(issuer: TokenIssuer) -> APIRouter:
    router = APIRouter(tags=["issuer"])

    @router.get("/auth/v1/.well-known/jwks.json", operation_id="jwks")
    async def jwks() -> dict[str, Any]:
        """The keys that verify local tokens (RFC 7517)."""
        return issuer.jwks()

    return router
