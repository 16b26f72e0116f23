"""What the dashboard shows to whom, and what it does when asked, without a browser."""

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest

from domain.audit import CommandRefused, HistoryRead
from domain.errors import StorageUnavailable
from domain.events import JobCancelled
from domain.identifiers import JobId, UserId
from domain.ledger.lines import SealedEvent
from domain.lifecycle import Status
from domain.ports.archive import ArchivedMonth
from domain.ports.job_views import JobFilter, Page
from domain.ports.ledger_reading import EventFilter
from domain.views import JobView
from entrypoints.dashboard.viewer import COOKIE
from tests.builders import NOW
from tests.entrypoints.dashboard.conftest import Site

FROM_HERE = {"Sec-Fetch-Site": "same-origin"}
PAGES = ["/dashboard", "/dashboard/jobs", "/dashboard/operations", "/dashboard/limits", "/dashboard/ledger"]
PROOFS = ("not sealed yet", "sealed", "proven", "proof broken")
SOME_ID = "019a0000-0000-7000-8000-000000000001"
As = Callable[..., httpx.AsyncClient]


@pytest.fixture
async def as_user(site: Site) -> AsyncIterator[As]:
    """A browser of somebody who signed in; nobody means without a cookie."""
    clients: list[httpx.AsyncClient] = []

    def make(user: str | None = "user-1", *roles: str) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(site.app)
        cookies = {COOKIE: site.token(user, *roles)} if user else {}
        client = httpx.AsyncClient(
            transport=transport, base_url="http://test", cookies=cookies, headers=FROM_HERE
        )
        clients.append(client)
        return client

    yield make
    for client in clients:
        await client.aclose()


def put(site: Site, **ports: Any) -> None:
    """Let the dashboard work with other ports than its world's."""
    site.app.state.services = replace(site.world.services, **ports)


async def now(site: Site, view: JobView) -> JobView:
    found = await site.world.services.views.get(view.job.id)
    assert found
    return found


@pytest.mark.parametrize("path", PAGES)
async def test_without_a_session_every_page_asks_to_sign_in(as_user: As, path: str) -> None:
    answer = await as_user(None).get(path)

    assert answer.status_code == 401
    assert f'name="next" value="{path}"' in answer.text
    assert 'action="/dashboard/sign-in"' in answer.text


async def test_a_token_becomes_a_cookie_that_scripts_and_other_sites_cannot_use(
    site: Site, as_user: As
) -> None:
    client = as_user(None)
    sent = {"token": site.token("user-1", lifetime_seconds=600), "next": "/dashboard/jobs"}
    answer = await client.post("/dashboard/sign-in", data=sent)
    cookie = answer.headers["Set-Cookie"]
    expires = re.search(r"expires=([^;]+)", cookie)

    assert (answer.status_code, answer.headers["Location"]) == (303, "/dashboard/jobs")
    assert {"HttpOnly", "SameSite=strict", "Path=/dashboard"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    assert expires
    ends = datetime.strptime(expires[1], "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
    assert abs(ends - datetime.now(UTC) - timedelta(seconds=600)) < timedelta(seconds=60)
    assert (await client.get("/dashboard/jobs")).status_code == 200


async def test_behind_tls_the_cookie_is_for_tls_only(site: Site, as_user: As) -> None:
    headers = {"Origin": "https://jobs.example"}
    answer = await as_user(None).post(
        "/dashboard/sign-in", data={"token": site.token("user-1")}, headers=headers
    )

    assert "Secure" in answer.headers["Set-Cookie"].split("; ")


@pytest.mark.parametrize("token", ["", "nonsense", "a.b.c"])
async def test_a_token_that_is_none_signs_nobody_in(as_user: As, token: str) -> None:
    answer = await as_user(None).post("/dashboard/sign-in", data={"token": token})

    assert answer.status_code == 401
    assert "Set-Cookie" not in answer.headers
    assert 'role="alert"' in answer.text


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example", "//evil.example", "/jobs", "/dashboard/sign-in", "/dashboardx"]
)
async def test_signing_in_leads_nowhere_else(site: Site, as_user: As, elsewhere: str) -> None:
    sent = {"token": site.token("user-1"), "next": elsewhere}
    answer = await as_user(None).post("/dashboard/sign-in", data=sent)

    assert answer.headers["Location"] == "/dashboard"


async def test_signing_out_forgets_the_token(as_user: As) -> None:
    client = as_user()
    answer = await client.post("/dashboard/sign-out")

    assert answer.headers["Location"] == "/dashboard/sign-in"
    assert "Max-Age=0" in answer.headers["Set-Cookie"]


async def test_who_follows_a_link_from_another_site_is_not_asked_to_sign_in_again(as_user: As) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    answer = await as_user(None).get("/dashboard/jobs", headers=headers)

    # The browser kept the cookie back; asked by our own page, it sends it.
    assert '<meta http-equiv="refresh" content="0">' in answer.text
    assert "refresh" not in (await as_user(None).get("/dashboard/jobs")).text


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "", "Origin": "http://evil.example"},
    ],
)
async def test_a_form_from_another_site_does_nothing(
    site: Site, as_user: As, headers: dict[str, str]
) -> None:
    view = await site.world.submit(user=UserId("user-1"))
    answer = await as_user().post(
        f"/dashboard/jobs/{view.job.id}/cancel", data={"reason": "no"}, headers=headers
    )

    assert answer.status_code == 403
    assert (await now(site, view)).job.status is Status.PENDING


async def test_an_old_browser_is_believed_by_its_origin(site: Site) -> None:
    view = await site.world.submit(user=UserId("user-1"))
    path = f"/dashboard/jobs/{view.job.id}/cancel"
    cookies = {COOKIE: site.token("user-1")}
    transport = httpx.ASGITransport(site.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test", cookies=cookies) as client:
        silent = await client.post(path, data={"reason": "no"})
        strange = await client.post(path, data={"reason": "no"}, headers={"Origin": "http://test.evil"})
        ours = await client.post(path, data={"reason": "no"}, headers={"Origin": "http://test"})

    assert [silent.status_code, strange.status_code, ours.status_code] == [403, 403, 303]


async def test_every_page_allows_nothing_from_elsewhere_and_nothing_inline(site: Site, as_user: As) -> None:
    view = await site.world.troubled_job()
    await site.world.count()
    operator = as_user("op-erika", "operator")
    for path in [*PAGES, f"/dashboard/jobs/{view.job.id}", "/dashboard/nowhere", "/dashboard/sign-in"]:
        answer = await operator.get(path)
        policy = answer.headers["Content-Security-Policy"]

        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert re.findall(r"\sstyle=|\son\w+=|<style|<script(?! src=\"/dashboard/static/)", answer.text) == []
        assert re.findall(r"(?:src|href)=\"(?:https?:)?//", answer.text) == []


async def test_users_see_their_own_jobs_and_no_others(site: Site, as_user: As) -> None:
    mine = await site.world.submit(user=UserId("user-1"))
    theirs = await site.world.submit(user=UserId("user-2"))
    client = as_user("user-1")
    listed = (await client.get("/dashboard/jobs?user=user-2")).text

    assert mine.job.id in listed
    assert theirs.job.id not in listed
    for part in ("", "/json", "/live"):
        assert (await client.get(f"/dashboard/jobs/{theirs.job.id}{part}")).status_code in (404, 200)
    assert (await client.get(f"/dashboard/jobs/{theirs.job.id}")).status_code == 404
    assert (await client.get(f"/dashboard/jobs/{theirs.job.id}/json")).status_code == 404
    assert (await client.get("/dashboard/operations")).status_code == 403
    assert (await client.get("/dashboard/ledger")).status_code == 403
    refused = await client.post(f"/dashboard/jobs/{theirs.job.id}/cancel", data={"reason": "no"})
    assert refused.status_code == 404


async def test_auditors_see_everything_without_buttons_and_are_recorded(site: Site, as_user: As) -> None:
    view = await site.world.submit(user=UserId("user-2"))
    auditor = as_user("auditor-1", "auditor")
    job = (await auditor.get(f"/dashboard/jobs/{view.job.id}")).text
    listed = (await auditor.get("/dashboard/jobs")).text
    refused = await auditor.post(f"/dashboard/jobs/{view.job.id}/cancel", data={"reason": "no"})

    assert "Submitted" in job
    assert view.job.id in listed
    assert "ask-cancel" not in job
    assert 'name="verb"' not in listed
    assert refused.status_code == 403
    recorded = [type(event) for event, _ in site.world.ports.audit.recorded]
    assert recorded == [HistoryRead, CommandRefused]


async def test_an_operator_cancels_anybodys_job_and_the_history_says_why(site: Site, as_user: As) -> None:
    view = await site.world.submit(user=UserId("user-2"))
    operator = as_user("op-erika", "operator")
    sent = {"reason": "asked for by phone", "version": str(view.job.version)}
    answer = await operator.post(f"/dashboard/jobs/{view.job.id}/cancel", data=sent)
    shown = (await operator.get(answer.headers["Location"])).text
    (_, recorded) = await site.world.services.store.read_stream(view.job.id)

    assert isinstance(recorded.event, JobCancelled)
    assert recorded.event.reason == "asked for by phone"
    assert recorded.provenance.actor.kind == "operator"
    assert recorded.provenance.request_id
    assert "The job was cancelled." in shown
    assert "asked for by phone" in shown


async def test_nothing_is_done_without_a_reason(site: Site, as_user: As) -> None:
    view = await site.world.submit(user=UserId("user-1"))
    for reason in ("", "   ", "x" * 501):
        answer = await as_user().post(f"/dashboard/jobs/{view.job.id}/cancel", data={"reason": reason})
        assert answer.status_code == 422
        assert "Nothing was done" in answer.text
    assert (await now(site, view)).job.version == 1


async def test_a_job_that_moved_on_is_left_alone_and_shown_as_it_is(site: Site, as_user: As) -> None:
    view = await site.world.submit(user=UserId("user-1"))
    await site.world.start(view)
    answer = await as_user().post(
        f"/dashboard/jobs/{view.job.id}/cancel", data={"reason": "no", "version": "1"}
    )

    assert answer.status_code == 412
    assert "The job has moved on" in answer.text
    assert "Attempt 1 started" in answer.text
    assert (await now(site, view)).job.status is Status.PROCESSING


async def test_a_completed_job_cannot_be_cancelled_from_an_old_page(site: Site, as_user: As) -> None:
    view = await site.world.complete(await site.world.start(await site.world.submit(user=UserId("user-1"))))
    answer = await as_user().post(f"/dashboard/jobs/{view.job.id}/cancel", data={"reason": "no"})

    assert answer.status_code == 409
    assert "cannot be asked to cancel" in answer.text


async def test_several_jobs_are_previewed_and_each_is_told_apart(site: Site, as_user: As) -> None:
    world = site.world
    waiting, moving = [await world.submit(user=UserId("user-1")) for _ in range(2)]
    ended = await world.complete(await world.start(await world.submit(user=UserId("user-1"))))
    chosen = [f"{view.job.id}@{view.job.version}" for view in (waiting, moving, ended)]
    client = as_user()
    shown = await client.post("/dashboard/jobs:preview", data={"verb": "cancel", "job": chosen})
    await world.start(moving)
    without = await client.post("/dashboard/jobs:act", data={"verb": "cancel", "job": chosen})
    done = await client.post(
        "/dashboard/jobs:act", data={"verb": "cancel", "job": chosen[:2], "reason": "all of them"}
    )

    assert "Cancel 2 jobs" in shown.text
    assert "left alone: A job that is completed cannot be asked to cancel." in shown.text
    assert without.status_code == 422
    assert "1 job cancelled, 1 left alone" in done.text
    assert "but is at version 2" in done.text
    assert (await now(site, waiting)).job.status is Status.CANCELLED
    assert (await now(site, moving)).job.status is Status.PROCESSING


async def test_all_that_a_filter_finds_are_previewed_and_exactly_those_are_acted_on(
    site: Site, as_user: As
) -> None:
    world = site.world
    mine = [await world.submit(user=UserId("user-1"), tags=("old",)) for _ in range(30)]
    theirs = await world.submit(user=UserId("user-2"), tags=("old",))
    other = await world.submit(user=UserId("user-1"))
    client = as_user("user-1")
    shown = await client.post("/dashboard/jobs:preview?tag=old", data={"verb": "cancel", "all": "1"})
    chosen = re.findall(r'name="job" value="([^"]+)"', shown.text)
    await client.post("/dashboard/jobs:act", data={"verb": "cancel", "job": chosen, "reason": "too old"})
    statuses = [(await now(site, view)).job.status for view in mine]

    assert "Cancel 30 jobs" in shown.text
    assert set(chosen) == {f"{view.job.id}@1" for view in mine}
    assert set(statuses) == {Status.CANCELLED}
    assert (await now(site, theirs)).job.status is Status.PENDING
    assert (await now(site, other)).job.status is Status.PENDING


async def test_other_peoples_jobs_in_a_choice_are_as_if_they_were_not_there(site: Site, as_user: As) -> None:
    theirs = await site.world.submit(user=UserId("user-2"), job_type="secret_type")
    sent = {"verb": "cancel", "job": f"{theirs.job.id}@1", "reason": "no"}
    for act in ("preview", "act"):
        answer = await as_user("user-1").post(f"/dashboard/jobs:{act}", data=sent)
        assert "There is no job" in answer.text
        assert "secret_type" not in answer.text
    assert (await now(site, theirs)).job.status is Status.PENDING


async def test_a_page_says_why_the_job_is_where_it_is_and_what_comes_next(site: Site, as_user: As) -> None:
    view = await site.world.submit(user=UserId("user-1"))
    text = (await as_user().get(f"/dashboard/jobs/{view.job.id}")).text

    assert "No living worker serves the job type" in text
    assert "Next: It starts when a worker has started." in text


@pytest.mark.parametrize(
    "sent",
    [{"verb": "cancel"}, {"verb": "erase", "job": f"{SOME_ID}@1"}, {"verb": "cancel", "job": SOME_ID},
     {"verb": "cancel", "job": "x@1"}, {"verb": "cancel", "job": f"{SOME_ID}@99999999999"}],
)  # fmt: skip
async def test_a_choice_of_nothing_is_refused(as_user: As, sent: dict[str, str]) -> None:
    assert (await as_user().post("/dashboard/jobs:preview", data=sent)).status_code == 422


async def test_the_list_goes_from_page_to_page_by_cursor_and_keeps_its_filters(
    site: Site, as_user: As
) -> None:
    jobs = [await site.world.submit(user=UserId("user-1"), tags=("nightly",)) for _ in range(30)]
    await site.world.submit(user=UserId("user-1"))
    await site.world.count()
    client = as_user()
    first = (await client.get("/dashboard/jobs?tag=nightly&age=24h&status=pending&status=failed")).text
    link = re.search(r'rel="next" href="([^"]+)"', first)
    assert link
    second = (await client.get(link[1].replace("&amp;", "&"))).text
    shown = [re.findall(r'id="job-([0-9a-f-]+)"', text) for text in (first, second)]

    assert [len(page) for page in shown] == [25, 5]
    assert set(shown[0] + shown[1]) == {view.job.id for view in jobs}
    assert 'rel="next"' not in second


async def test_a_list_by_status_asks_for_no_more_jobs_than_there_are(site: Site, as_user: As) -> None:
    asked: list[int] = []

    class Watched:
        async def newest(self, which: JobFilter, *, limit: int, before: JobId | None) -> Page:
            asked.append(limit)
            return await site.world.services.views.newest(which, limit=limit, before=before)

    put(site, views=Watched())
    world = site.world
    for _ in range(3):
        await world.complete(await world.start(await world.submit(user=UserId("user-1"))))
    await world.count()
    client = as_user("user-1")
    assert "No job fits" in (await client.get("/dashboard/jobs?status=failed")).text
    assert "completed" in (await client.get("/dashboard/jobs?status=completed")).text
    assert asked == [3]

    # While nobody counts, the projection is not believed.
    await world.fail(await world.start(await world.submit(user=UserId("user-1"))))
    world.clock.at = world.clock.now() + timedelta(seconds=10)
    assert "TemplateMissing" in (await client.get("/dashboard/jobs?status=failed")).text
    assert asked == [3, 25]


async def test_a_list_in_which_few_fit_says_how_far_it_looked_and_goes_on(site: Site, as_user: As) -> None:
    class Long:
        async def newest(self, which: JobFilter, *, limit: int, before: JobId | None) -> Page:
            page = await site.world.services.views.newest(which, limit=limit, before=before)
            return Page(page.views, before or last.job.id)

    last = await site.world.submit(user=UserId("user-1"), tags=("here",))
    put(site, views=Long())
    client = as_user("user-1")
    nothing = (await client.get("/dashboard/jobs?tag=nowhere")).text

    assert "No job fits among the newest 20,000; older ones may." in nothing
    link = re.search(r'rel="next" href="([^"]+)"', nothing)
    assert link
    assert "among the next 20,000" in (await client.get(link[1].replace("&amp;", "&"))).text
    assert "These fit among 20,000 jobs" in (await client.get("/dashboard/jobs?tag=here")).text


async def test_the_attempt_that_ended_a_job_is_one_of_those_that_failed(site: Site, as_user: As) -> None:
    view = await site.world.fail(await site.world.start(await site.world.submit(user=UserId("user-1"))))
    text = (await as_user("user-1").get(f"/dashboard/jobs/{view.job.id}")).text

    assert view.job.status is Status.FAILED
    assert "1 started; 1 of" in text
    assert "the function failed." in text


async def test_counts_come_from_the_projection_and_never_from_the_jobs(site: Site, as_user: As) -> None:
    class Uncountable:
        def __getattr__(self, name: str) -> object:
            raise AssertionError(f"the overview asked the jobs for {name}")

    for _ in range(3):
        await site.world.submit(user=UserId("user-1"))
    await site.world.count()
    put(site, views=Uncountable())
    answer = await as_user().get("/dashboard")

    assert answer.status_code == 200
    assert re.search(r'id="tile-pending".*?tile-count">3<', answer.text, re.DOTALL)


async def test_what_clients_wrote_is_shown_and_never_run(site: Site, as_user: As) -> None:
    nasty = "<script>alert(1)</script>"
    view = await site.world.submit(user=UserId("user-1"), job_parameters={nasty: nasty}, tags=(nasty,))
    client = as_user()
    for path in (f"/dashboard/jobs/{view.job.id}", "/dashboard/jobs"):
        answer = await client.get(path)
        assert nasty not in answer.text
        assert "&lt;script&gt;" in answer.text


async def test_a_history_is_called_proven_only_when_every_event_is(site: Site, as_user: As) -> None:
    view = await site.world.start(await site.world.submit(user=UserId("user-1")))
    path = f"/dashboard/jobs/{view.job.id}"
    said = []
    for _ in range(2):
        said.append((await as_user().get(path)).text)
        await site.world.seal()
    said.append((await as_user().get(path)).text)
    await site.world.complete(view)
    said.append((await as_user().get(path)).text)
    found = [next(word for word in PROOFS if f"</svg>{word}" in text) for text in said]

    assert found == ["not sealed yet", "proven", "proven", "not sealed yet"]
    assert "All 2 events stand" in said[1]
    assert "jobledger.example/log" in said[1]


async def test_a_history_that_was_tampered_with_is_called_broken(site: Site, as_user: As) -> None:
    class Tampering:
        def __getattr__(self, name: str) -> object:
            return getattr(site.world.services.ledger, name)

        async def read(self, which: EventFilter, *, after: int, limit: int) -> list[SealedEvent]:
            events = await site.world.services.ledger.read(which, after=after, limit=limit)
            facts = events[0].envelope.facts.replace('"priority":0', '"priority":9')
            return [events[0]._replace(envelope=events[0].envelope._replace(facts=facts)), *events[1:]]

    view = await site.world.start(await site.world.submit(user=UserId("user-1")))
    await site.world.seal()
    put(site, ledger=Tampering())

    assert "proof broken" in (await as_user().get(f"/dashboard/jobs/{view.job.id}")).text


async def test_the_ledger_shows_its_head_and_what_was_sealed_last(site: Site, as_user: As) -> None:
    operator = as_user("op-erika", "operator")
    empty = (await operator.get("/dashboard/ledger")).text
    for _ in range(25):
        view = await site.world.submit()
    await site.world.seal()
    text = (await operator.get("/dashboard/ledger")).text
    head = await site.world.services.ledger.head()

    assert "Nothing is signed yet" in empty
    assert head
    assert head.note.splitlines()[2] in text
    assert re.findall(r'id="sealed-(\d+)"', text) == [str(position) for position in range(25, 5, -1)]
    assert view.job.id in text


async def test_a_first_job_is_one_click_away(site: Site, as_user: As) -> None:
    client = as_user("user-1")
    assert 'action="/dashboard/sample"' in (await client.get("/dashboard")).text
    answer = await client.post("/dashboard/sample")
    (view,) = (await site.world.services.views.newest(JobFilter(), limit=2)).views

    assert answer.headers["Location"] == f"/dashboard/jobs/{view.job.id}"
    assert (view.job.user_id, view.job.job_type) == ("user-1", "sample_task")
    assert (await as_user("auditor-1", "auditor").post("/dashboard/sample")).status_code == 403


async def test_the_json_is_the_job_and_its_whole_history(site: Site, as_user: As) -> None:
    view = await site.world.complete(await site.world.start(await site.world.submit(user=UserId("user-1"))))
    found = (await as_user().get(f"/dashboard/jobs/{view.job.id}/json")).json()

    assert found["job"]["status"] == "completed"
    assert [event["version"] for event in found["events"]] == [1, 2, 3]


@pytest.mark.parametrize(
    ("asked", "leads_to"),
    [
        ("sample_task", "/dashboard/jobs?job_type=sample_task"),
        ("q3 ", "/dashboard/jobs?tag=q3"),
        (" ", "/dashboard/jobs"),
        (SOME_ID.upper(), f"/dashboard/jobs/{SOME_ID}"),
    ],
)
async def test_finding_leads_to_the_job_or_to_a_list(as_user: As, asked: str, leads_to: str) -> None:
    answer = await as_user().get("/dashboard/find", params={"q": asked})

    assert (answer.status_code, answer.headers["Location"]) == (303, leads_to)


@pytest.mark.parametrize("path", ["/dashboard/nowhere", "/dashboard/jobs/unknown"])
async def test_what_is_not_there_is_a_page_that_says_so(as_user: As, path: str) -> None:
    answer = await as_user().get(path)

    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.headers["X-Request-ID"] in answer.text


async def test_an_archived_job_is_a_page_that_says_where_it_is(site: Site, as_user: As) -> None:
    class June:
        async def find(self, month: date) -> ArchivedMonth:
            return ArchivedMonth(month, "jobs.ndjson", "ab" * 32, 3, 12, NOW)

    put(site, archived_months=June())
    answer = await as_user().get(f"/dashboard/jobs/{SOME_ID}")

    assert answer.status_code == 410
    assert "jobs.ndjson" in answer.text


@pytest.mark.parametrize("query", ["status=done", "cursor=x", "age=2y", "tag=" + "x" * 101])
async def test_a_filter_that_makes_no_sense_is_a_page_that_says_so(as_user: As, query: str) -> None:
    assert (await as_user().get(f"/dashboard/jobs?{query}")).status_code == 422


async def test_a_database_that_is_gone_is_a_page_that_says_to_try_again(site: Site, as_user: As) -> None:
    class Gone:
        def __getattr__(self, name: str) -> Callable[..., object]:
            async def gone(*_: object, **__: object) -> None:
                raise StorageUnavailable("The database cannot be reached.")

            return gone

    put(site, views=Gone(), statistics=Gone())
    for path in ("/dashboard", "/dashboard/jobs"):
        answer = await as_user().get(path)
        assert answer.status_code == 503
        assert "The database cannot be reached." in answer.text


async def test_what_nobody_foresaw_is_a_page_without_a_trace(site: Site, as_user: As) -> None:
    class Broken:
        async def newest(self, which: JobFilter, **rest: object) -> None:
            raise RuntimeError("a secret of the inside")

    put(site, views=Broken())
    answer = await as_user().get("/dashboard/jobs")

    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.headers["X-Request-ID"] in answer.text


async def test_files_are_kept_by_browsers_for_as_long_as_they_stay_the_same(as_user: As) -> None:
    page = (await as_user().get("/dashboard")).text
    (style,) = re.findall(r'href="(/dashboard/static/dashboard\.css\?v=\w+)"', page)
    answer = await as_user(None).get(style)

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert (await as_user(None).get("/dashboard/static/..%2Fpages.py")).status_code == 404


async def test_the_theme_that_was_chosen_stays(as_user: As) -> None:
    client = as_user()
    answer = await client.post("/dashboard/theme", data={"theme": "dark", "next": "/dashboard/jobs"})

    assert answer.headers["Location"] == "/dashboard/jobs"
    assert 'data-theme="dark"' in (await client.get("/dashboard/jobs")).text
