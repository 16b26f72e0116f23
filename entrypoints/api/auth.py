"""Who is asking, and in which role."""

from enum import StrEnum
from typing import Annotated, Any, NamedTuple

from fastapi import Depends, Request
from fastapi.requests import HTTPConnection
from fastapi.security import HTTPBearer

from domain.errors import NotAuthenticated, NotPermitted
from domain.events import Actor, ActorKind
from domain.identifiers import UserId
from domain.ports.tokens import VerifiedToken
from entrypoints.api.rate_limits import USER
from entrypoints.settings import Settings

READING = frozenset({"GET", "HEAD", "OPTIONS"})


class BearerToken(HTTPBearer):
    """The token as text; FastAPI's own makes and checks a model of it for each request."""

    async def __call__(self, request: HTTPConnection) -> str | None:  # type: ignore[override]  # see above
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return token.strip() or None if scheme.lower() == "bearer" else None


bearer = BearerToken(
    scheme_name="HTTPBearer",
    auto_error=False,
    bearerFormat="JWT",
    description="A token of the configured issuer.",
)


class ValidatedJWTUser(NamedTuple):
    user_id: UserId


class Role(StrEnum):
    USER = "user"
    AUDITOR = "auditor"
    OPERATOR = "operator"


async def get_settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


async def get_verified_token(
    request: Request, given: Annotated[str | None, Depends(bearer)]
) -> VerifiedToken:
    if given is None:
        raise NotAuthenticated("A bearer token is needed.", is_missing=True)
    token: VerifiedToken = await request.app.state.verifier.verify(given)
    request.state.user_id = token.user_id
    if request.app.state.rate_limits:
        await request.app.state.rate_limits.spend(USER, token.user_id, request.scope)
    return token


async def get_roles(
    request: Request,
    token: Annotated[VerifiedToken, Depends(get_verified_token)],
    settings: Annotated[Settings, Depends(get_settings)],
) -> frozenset[Role]:
    """The roles that the issuer signed; unknown ones are ignored, and everybody is a user."""
    claim: Any = token.claims
    for name in settings.roles_claim.split("."):
        claim = claim.get(name) if isinstance(claim, dict) else None
    named = claim if isinstance(claim, list) else [claim]
    known = (Role(name) for name in named if isinstance(name, str) and name in set(Role))
    roles = frozenset({Role.USER, *known})
    if Role.OPERATOR in roles:
        request.state.actor_kind = ActorKind.OPERATOR
    elif Role.AUDITOR in roles:
        request.state.actor_kind = ActorKind.AUDITOR
    return roles


Token = Annotated[VerifiedToken, Depends(get_verified_token)]
Roles = Annotated[frozenset[Role], Depends(get_roles)]


async def get_validated_jwt_user(request: Request, token: Token, roles: Roles) -> ValidatedJWTUser:
    """Who asks; raises NotPermitted for the command of an auditor who is no operator."""
    if Role.AUDITOR in roles and Role.OPERATOR not in roles and request.method not in READING:
        raise NotPermitted("An auditor can change nothing.")
    return ValidatedJWTUser(token.user_id)


CurrentUser = Annotated[ValidatedJWTUser, Depends(get_validated_jwt_user)]


def actor_of(user: ValidatedJWTUser) -> Actor:
    return Actor(ActorKind.USER, user.user_id)
