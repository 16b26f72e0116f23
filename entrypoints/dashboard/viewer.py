"""Who looks at the dashboard, and what they may see and do there."""

from datetime import datetime
from typing import Annotated, NamedTuple

from fastapi import Depends, Request

from domain.errors import JobNotFound, NotAuthenticated, NotPermitted
from domain.events import Actor, ActorKind
from domain.identifiers import UserId
from domain.job_statistics import EVERYBODY
from domain.ports.tokens import VerifiedToken
from domain.views import JobView
from entrypoints.api.auth import Role, get_roles
from entrypoints.api.recording import RequestRecords
from entrypoints.api.requests import parse_job_id
from entrypoints.services import Services

COOKIE = "jobledger_session"


class Viewer(NamedTuple):
    """Operators and auditors see everybody's jobs; auditors only look, unless they operate too."""

    user_id: UserId
    roles: frozenset[Role]
    token: VerifiedToken

    @property
    def expires_at(self) -> datetime:
        return self.token.expires_at

    @property
    def is_operator(self) -> bool:
        return Role.OPERATOR in self.roles

    @property
    def sees_everybody(self) -> bool:
        return bool(self.roles & {Role.OPERATOR, Role.AUDITOR})

    @property
    def may_act(self) -> bool:
        return self.is_operator or Role.AUDITOR not in self.roles

    @property
    def role(self) -> str:
        """The one word for what this person is here."""
        return "operator" if self.is_operator else "auditor" if self.sees_everybody else "user"

    @property
    def scope(self) -> UserId:
        """Under whom the statistics of what they see stand."""
        return EVERYBODY if self.sees_everybody else self.user_id

    @property
    def owner(self) -> UserId | None:
        """On whose jobs they act; None for anybody's."""
        return None if self.is_operator else self.user_id

    @property
    def actor(self) -> Actor:
        return Actor(ActorKind.OPERATOR if self.is_operator else ActorKind.USER, self.user_id)

    def check_may_act(self) -> None:
        if not self.may_act:
            raise NotPermitted("Auditors look and do not touch: acting needs the role operator.")

    def check_may_limit(self) -> None:
        if not self.is_operator:
            raise NotPermitted("Only operators pause queues and set limits.")


async def get_viewer(request: Request) -> Viewer:
    """By the cookie of the sign-in, or by a bearer token that a proxy adds; raises NotAuthenticated."""
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    token = bearer.strip() if scheme.lower() == "bearer" else request.cookies.get(COOKIE, "")
    if not token:
        raise NotAuthenticated("")
    verified: VerifiedToken = await request.app.state.verifier.verify(token)
    request.state.user_id = verified.user_id
    roles = await get_roles(request, verified, request.app.state.settings)
    return Viewer(verified.user_id, roles, verified)


SignedIn = Annotated[Viewer, Depends(get_viewer)]


async def note_reading(request: Request, viewer: Viewer) -> None:
    """Record, once a session and hour, that an auditor reads what is not their own, as the API does."""
    if Role.AUDITOR in viewer.roles:
        records: RequestRecords = request.app.state.records
        await records.read(request, viewer.token)


async def read_seen(services: Services, viewer: Viewer, job_id: str) -> JobView:
    """A job that the viewer may see; raises JobNotFound for others, as if they had never been."""
    view = await services.views.get(parse_job_id(job_id))
    if view is None or not (viewer.sees_everybody or view.job.user_id == viewer.user_id):
        raise JobNotFound(job_id)
    return view
