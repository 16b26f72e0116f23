"""The list of jobs: filters, pages by cursor, and a choice of jobs to act on."""

import re
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse

from domain.identifiers import JobId, UserId
from domain.job_statistics import EVERYBODY
from domain.lifecycle import Act, Status, allowed
from domain.ports.job_views import LOOK, JobFilter, JobViews, Page
from domain.views import JobView
from entrypoints.api.cursors import JOB_ID, decode_cursor, encode_cursor
from entrypoints.api.requests import Text, Watch, Work, link_to
from entrypoints.dashboard.live import stream
from entrypoints.dashboard.pages import HOME, PageRoute, page, render
from entrypoints.dashboard.viewer import SignedIn, Viewer, note_reading
from entrypoints.services import Services

JOBS_PER_PAGE = 25
REFRESH_SECONDS = 1.0
TRUSTED_LAG = timedelta(seconds=3)
MANY = 1_000_000
LOOKS = 20
JOBS = f"{HOME}/jobs"

router = APIRouter(route_class=PageRoute, include_in_schema=False)


class Age(StrEnum):
    ANY = ""
    HOUR = "1h"
    DAY = "24h"
    WEEK = "7d"
    MONTH = "30d"


AGES = {
    Age.ANY: ("any time", None),
    Age.HOUR: ("last hour", timedelta(hours=1)),
    Age.DAY: ("last 24 hours", timedelta(days=1)),
    Age.WEEK: ("last 7 days", timedelta(days=7)),
    Age.MONTH: ("last 30 days", timedelta(days=30)),
}


class Asked(NamedTuple):
    """The list as somebody asked for it; all of it stands in the page's address.

    `since` keeps a page's age from moving on while its reader goes from page to page.
    """

    statuses: list[Status]
    job_type: str
    tag: str
    user: str
    age: Age
    since: str
    cursor: str

    @property
    def is_filtered(self) -> bool:
        return bool(self.statuses or self.job_type or self.tag or self.user or self.age)

    def link(self, path: str = JOBS, **changed: Any) -> str:
        asked = {"status": [*self.statuses], **self._asdict(), **changed}
        del asked["statuses"]
        return link_to(path, {name: value for name, value in asked.items() if value}).rstrip("?")


async def get_asked(
    status: Annotated[list[Status] | None, Query(max_length=8)] = None,
    job_type: Text = "",
    tag: Text = "",
    user: Text = "",
    age: Age = Age.ANY,
    since: Annotated[str, Query(max_length=40)] = "",
    cursor: Annotated[str, Query(max_length=200)] = "",
) -> Asked:
    return Asked(status or [], job_type.strip(), tag.strip(), user.strip(), age, since, cursor)


AskedFor = Annotated[Asked, Depends(get_asked)]


def filter_of(asked: Asked, viewer: Viewer, now: datetime) -> JobFilter:
    """Only jobs that the viewer may see, whatever the address says."""
    wanted = UserId(asked.user) if asked.user else None
    length = AGES[asked.age][1]
    since = _since(asked.since) or (now - length if length else None)
    return JobFilter(
        user_id=wanted if viewer.sees_everybody else viewer.user_id,
        statuses=frozenset(asked.statuses),
        job_type=asked.job_type or None,
        tag=asked.tag or None,
        created_after=since if length else None,
    )


def _since(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None


@router.get(JOBS)
async def show_jobs(request: Request, services: Work, viewer: SignedIn, asked: AskedFor) -> Response:
    await note_reading(request, viewer)
    values = await _values(services, viewer, asked)
    kinds = sorted(kind.name for kind in services.types)
    return page(request, "jobs.html", viewer=viewer, kinds=kinds, ages=AGES, **values)


@router.get(f"{JOBS}/live")
async def follow_jobs(services: Work, watch: Watch, viewer: SignedIn, asked: AskedFor) -> Response:
    async def draw() -> str:
        return render("jobs_table.html", viewer=viewer, **await _values(services, viewer, asked))

    return stream(draw, services, watch, until=viewer.expires_at, every=REFRESH_SECONDS)


@router.get(f"{HOME}/find")
async def find(services: Work, _: SignedIn, q: Text = "") -> Response:
    """Where a job's id, a tag or a job type leads."""
    found = re.sub(r"\s", "", q).lower()
    if JOB_ID.fullmatch(found):
        return RedirectResponse(f"{JOBS}/{found}", 303)
    name = "job_type" if q.strip() in {kind.name for kind in services.types} else "tag"
    return RedirectResponse(link_to(JOBS, {name: q.strip()}) if q.strip() else JOBS, 303)


async def _values(services: Services, viewer: Viewer, asked: Asked) -> dict[str, Any]:
    now = services.clock.now()
    which = filter_of(asked, viewer, now)
    before: JobId | None = decode_cursor(asked.cursor, which) if asked.cursor else None
    most = JOBS_PER_PAGE
    if which.statuses and before is None:
        most = min(most, await _at_most(services, which))
    page = await _find(services.views, which, most, before)
    following = None
    if page.following and (len(page.views) < most or most == JOBS_PER_PAGE):
        since = which.created_after.isoformat() if which.created_after else ""
        following = asked.link(since=since, cursor=encode_cursor(page.following, which))
    return {
        "asked": asked,
        "jobs": page.views,
        "following": following,
        "looked_at": LOOKS * LOOK if following and len(page.views) < most else None,
        "may": may,
        "Act": Act,
        "Status": Status,
    }


async def _find(views: JobViews, which: JobFilter, most: int, before: JobId | None) -> Page:
    """So many jobs, by several looks where few fit the filter, but no more than a reader waits for."""
    page = Page([], before if most else None)
    for _ in range(LOOKS):
        if len(page.views) == most:
            break
        found = await views.newest(which, limit=most - len(page.views), before=page.following)
        page = Page(page.views + found.views, found.following)
        if page.following is None:
            break
    return page


async def _at_most(services: Services, which: JobFilter) -> int:
    """How many jobs can fit, by the projection while that keeps up; many when it does not.

    Without it, looking for the 25 newest of the three that there are would go through all jobs.
    """
    vitals = await services.vitals.read()
    if vitals.oldest_uncounted_at and vitals.read_at - vitals.oldest_uncounted_at > TRUSTED_LAG:
        return MANY
    counts = await services.statistics.counts(user_id=which.user_id or EVERYBODY)
    return sum(
        count.jobs
        for count in counts
        if count.status in which.statuses and which.job_type in (None, count.job_type)
    )


def may(viewer: Viewer, view: JobView, act: Act) -> bool:
    """Whether the viewer could do that to the job as it is now."""
    owns = viewer.is_operator or view.job.user_id == viewer.user_id
    return viewer.may_act and owns and allowed(view.job.status, act)
