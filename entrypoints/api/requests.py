"""What the job routes share: the caller's services, who asks, and what the headers say."""

import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlencode

from fastapi import Depends, Query, Request
from pydantic import BaseModel

from domain.errors import JobNotFound, NotPermitted, VersionConflict
from domain.events import Actor, Provenance
from domain.identifiers import JobId, UserId
from domain.use_cases.command import Caller
from domain.views import JobView
from entrypoints.api.answers import ProblemOut
from entrypoints.api.auth import CurrentUser, Role, Roles, Token, actor_of
from entrypoints.api.cursors import JOB_ID
from entrypoints.api.recording import RequestRecords
from entrypoints.api.watching import FeedWatch, JobWatch
from entrypoints.services import Services

TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
MAX_WAIT_SECONDS = 30
WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*(\d{1,18})(?=$|[,;\s])", re.IGNORECASE)
# Also weak ones: proxies that compress weaken our tags on the way, and a version is a version.
ETAG = re.compile(r'(?:W/)?"(\d{1,9})"')
ANY = "*"

Responses = dict[int | str, dict[str, Any]]


def answers(*problems: int, **models: type[BaseModel]) -> Responses:
    """What an operation may answer, for OpenAPI: `ok=JobOut` or `accepted=JobOut`, and its problems."""
    statuses = {"ok": 200, "accepted": 202}
    documented: Responses = {statuses[name]: {"model": model} for name, model in models.items()}
    return documented | {status: {"model": ProblemOut} for status in problems}


async def get_services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


async def get_feed_watch(request: Request) -> FeedWatch:
    watch: FeedWatch = request.app.state.feed_watch
    return watch


async def get_watch(request: Request) -> JobWatch:
    watch: JobWatch = request.app.state.watch
    return watch


Work = Annotated[Services, Depends(get_services)]
Watch = Annotated[JobWatch, Depends(get_watch)]
FeedWatching = Annotated[FeedWatch, Depends(get_feed_watch)]
Text = Annotated[str, Query(max_length=100, pattern=r"^[^\x00]*$")]


def provenance_of(request: Request, services: Services, actor: Actor) -> Provenance:
    traceparent = request.headers.get("traceparent", "")
    return Provenance(
        actor=actor,
        command_id=services.ids.command_id(),
        request_id=request.state.request_id,
        traceparent=traceparent if TRACEPARENT.fullmatch(traceparent) else None,
    )


async def get_caller(request: Request, services: Work, user: CurrentUser) -> Caller:
    return Caller(user.user_id, provenance_of(request, services, actor_of(user)))


Calling = Annotated[Caller, Depends(get_caller)]


def parse_job_id(job_id: str) -> JobId:
    job_id = job_id.lower()
    if not JOB_ID.fullmatch(job_id):
        raise JobNotFound(job_id)
    return JobId(job_id)


def etag_of(view: JobView) -> str:
    return f'"{view.job.version}"'


def is_named(view: JobView, tags: str | None) -> bool:
    """Whether `If-Match` or `If-None-Match` names the job's version; what we never gave out names none."""
    return tags is not None and (tags.strip() == ANY or str(view.job.version) in ETAG.findall(tags))


def expected_version(if_match: str | None, view: JobView) -> int | None:
    """At which version to act, None for any; raises VersionConflict when `If-Match` names others only."""
    if if_match is None or if_match.strip() == ANY:
        return None
    if not is_named(view, if_match):
        named = ETAG.findall(if_match)
        expected = int(named[0]) if len(named) == 1 else None
        raise VersionConflict(view.job.id, expected=expected, actual=view.job.version)
    return view.job.version


def seconds_to_wait(prefer: str | None) -> int | None:
    """The `wait` of RFC 7240; a preference that is not understood is no error."""
    found = WAIT.search(prefer or "")
    return min(int(found[1]), MAX_WAIT_SECONDS) if found else None


def link_to(path: str, parameters: dict[str, Any]) -> str:
    asked = {name: value for name, value in parameters.items() if value is not None}
    return f"{path}?{urlencode(asked, doseq=True)}"


class Reader(NamedTuple):
    """Whose eyes see; `record` notes, for those of an auditor, that they saw what is not their own."""

    services: Services
    user_id: UserId
    is_auditor: bool
    record: Callable[[], Awaitable[None]]


async def get_reader(
    request: Request, services: Work, user: CurrentUser, roles: Roles, token: Token
) -> Reader:
    records: RequestRecords = request.app.state.records
    return Reader(services, user.user_id, Role.AUDITOR in roles, lambda: records.read(request, token))


Reading = Annotated[Reader, Depends(get_reader)]


async def get_auditor(reader: Reading) -> Reader:
    """Raises NotPermitted for everybody else."""
    if not reader.is_auditor:
        raise NotPermitted("Only auditors read the whole history.")
    return reader


Auditing = Annotated[Reader, Depends(get_auditor)]


async def read_visible(reader: Reader, job_id: str) -> JobView:
    """The caller's own job, or anybody's for an auditor; other people's are as absent as those never made."""
    owner = None if reader.is_auditor else reader.user_id
    view = await reader.services.views.get(parse_job_id(job_id), owner=owner)
    if view is None:
        raise JobNotFound(job_id)
    if view.job.user_id != reader.user_id:
        await reader.record()
    return view
