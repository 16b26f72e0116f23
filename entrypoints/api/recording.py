"""What is recorded of requests themselves: refused commands, and what auditors read."""

import time
from collections import Counter
from collections.abc import Callable

import structlog
from fastapi import Request

from domain.audit import CommandRefused, HistoryRead, session_stream
from domain.errors import JobledgerError, NotAuthenticated, NotPermitted, StorageUnavailable
from domain.events import Actor, ActorKind, Provenance
from domain.identifiers import JobId
from domain.ports.tokens import VerifiedToken
from entrypoints.api.auth import READING
from entrypoints.api.cursors import JOB_ID
from entrypoints.services import Services

log = structlog.get_logger()

WINDOW_SECONDS = 60.0
RECORDED_OF_ONE = 20
RECORDED_OF_ALL = 120
MAX_DETAIL = 500
MAX_QUERY = 1000
SESSIONS_KEPT = 10_000
NOBODY = Actor(ActorKind.ANONYMOUS, "anonymous")


class Bound:
    """Lets through so many a minute of each actor and of all, and counts the others."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until = 0.0
        self._of_each: Counter[Actor] = Counter()
        self._left_out = 0

    def pass_through(self, actor: Actor) -> int | None:
        """How many were left out since the last that passed; None when this one does not pass."""
        if self._clock() >= self._until:
            self._until = self._clock() + WINDOW_SECONDS
            self._of_each.clear()
        if self._of_each[actor] >= RECORDED_OF_ONE or self._of_each.total() >= RECORDED_OF_ALL:
            self._left_out += 1
            return None
        self._of_each[actor] += 1
        left_out, self._left_out = self._left_out, 0
        return left_out


class RequestRecords:
    """Writes to the audit trail what requests were refused, and once a session that an auditor reads."""

    def __init__(self, services: Callable[[], Services], *, bound: Bound | None = None) -> None:
        self._services = services
        self._bound = bound or Bound()
        self._sessions: dict[JobId, None] = {}

    async def refused(self, request: Request, error: JobledgerError, *, status: int, problem: str) -> None:
        """Record a command that was refused, or whatever else somebody is not permitted.

        An answer is never lost to it: what cannot be recorded is logged.
        """
        is_about_rights = isinstance(error, NotPermitted)
        if (request.method in READING and not is_about_rights) or isinstance(error, StorageUnavailable):
            return
        actor = NOBODY if isinstance(error, NotAuthenticated) else _actor(request)
        unrecorded = self._bound.pass_through(actor)
        if unrecorded is None:
            return
        route = request.scope.get("route")
        job_id = str(request.path_params.get("job_id", ""))
        event = CommandRefused(
            method=request.method,
            route=getattr(route, "path", ""),
            status=status,
            problem=problem,
            unrecorded=unrecorded,
            job_id=job_id if JOB_ID.fullmatch(job_id) else None,
            detail=_storable(str(error), MAX_DETAIL),
        )
        try:
            await self._services().audit.record(event, self._provenance(request, actor))
        except StorageUnavailable as unavailable:
            log.warning("refusal.not_recorded", problem=problem, error=str(unavailable))

    async def read(self, request: Request, token: VerifiedToken) -> None:
        """Record that an auditor reads, once a session and hour over all processes.

        Raises StorageUnavailable: what cannot be recorded is not shown.
        """
        services = self._services()
        stream = session_stream(token.user_id, _session(token), services.clock.now())
        if stream in self._sessions:
            return
        event = HistoryRead(
            route=getattr(request.scope.get("route"), "path", ""),
            query=_storable(request.url.query, MAX_QUERY) or None,
        )
        actor = Actor(ActorKind.AUDITOR, token.user_id)
        await services.audit.record(event, self._provenance(request, actor), once_as=stream)
        self._sessions[stream] = None
        if len(self._sessions) > SESSIONS_KEPT:
            del self._sessions[next(iter(self._sessions))]

    def _provenance(self, request: Request, actor: Actor) -> Provenance:
        command_id = self._services().ids.command_id()
        return Provenance(actor=actor, command_id=command_id, request_id=request.state.request_id)


def _actor(request: Request) -> Actor:
    user_id = getattr(request.state, "user_id", None)
    if user_id is None:
        return NOBODY
    return Actor(getattr(request.state, "actor_kind", ActorKind.USER), user_id)


def _session(token: VerifiedToken) -> str:
    """What the issuer calls the session, or the token itself."""
    named = token.claims.get("session_id") or token.claims.get("jti")
    return str(named or token.expires_at.isoformat())


def _storable(text: str, longest: int) -> str:
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text[:longest])
