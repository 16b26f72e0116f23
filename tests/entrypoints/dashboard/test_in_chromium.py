"""The dashboard as people use it, in a real browser: clicked, typed, read aloud, printed, on a phone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, ViewportSize, expect

from domain.events import JobCancelled
from domain.identifiers import UserId
from domain.lifecycle import Status
from domain.views import JobView
from tests.entrypoints.dashboard.conftest import Site, served, sign_in

pytestmark = pytest.mark.asyncio(loop_scope="module")

DESKTOP: ViewportSize = {"width": 1360, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
AXE_OPTIONS: dict[str, Any] = {"resultTypes": ["violations"]}
COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared() -> AsyncIterator[Site]:
    async with served(150) as site:
        yield site


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def story(shared: Site) -> JobView:
    view = await shared.world.troubled_job()
    await shared.world.count()
    return view


@asynccontextmanager
async def looking(browser: Browser, site: Site, *roles: str, **settings: Any) -> AsyncIterator[Page]:
    """A page of somebody who is signed in; whatever it complains of fails the test."""
    options: dict[str, Any] = {"viewport": DESKTOP, "reduced_motion": "reduce"} | settings
    context = await browser.new_context(**options)
    page = await context.new_page()
    complaints: list[str] = []
    page.on(
        "console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await sign_in(page, site, "op-erika" if "operator" in roles else "local-user", *roles)
    try:
        yield page
        # A refusal is an answer; what a page does with it is what tests look at.
        assert [said for said in complaints if not said.startswith("Failed to load resource")] == []
    finally:
        await context.close()


def pages_of(view: JobView) -> list[str]:
    return [
        "/dashboard",
        "/dashboard/jobs",
        f"/dashboard/jobs/{view.job.id}",
        "/dashboard/operations",
        "/dashboard/limits",
        "/dashboard/ledger",
    ]


async def test_axe_finds_nothing_on_any_page_in_light_or_dark(
    browser: Browser, shared: Site, story: JobView
) -> None:
    axe = Axe()
    async with looking(browser, shared, "operator", color_scheme="light") as page:
        for path in [
            *pages_of(story),
            "/dashboard/nowhere",
            "/dashboard/sign-in",
            "/dashboard/jobs?tag=none",
        ]:
            await page.emulate_media(color_scheme="light")
            await page.goto(shared.url + path)
            if path.startswith("/dashboard/jobs/"):
                await page.locator(".event summary").first.click()
                await page.get_by_role("button", name="Cancel…").click()
            if path == "/dashboard/limits":
                await page.get_by_role("button", name="Set a limit…").click()
            found = await axe.run(page, options=AXE_OPTIONS)
            # Nothing but colours differs in the dark.
            await page.emulate_media(color_scheme="dark")
            in_the_dark = await axe.run(page, options=AXE_OPTIONS | COLOURS)
            assert found.violations_count == 0, f"{path}: {found.generate_report()}"
            assert in_the_dark.violations_count == 0, f"{path}, dark: {in_the_dark.generate_report()}"


async def test_nothing_is_wider_than_a_phone(browser: Browser, shared: Site, story: JobView) -> None:
    async with looking(browser, shared, "operator", viewport=PHONE, has_touch=True, is_mobile=True) as page:
        for path in pages_of(story):
            await page.goto(shared.url + path)
            width = await page.evaluate("document.documentElement.scrollWidth")
            assert (path, width) == (path, PHONE["width"])
            await expect(page.get_by_role("navigation", name="Dashboard")).to_be_in_viewport()


async def test_a_phone_shows_the_whole_of_each_job_in_the_list(browser: Browser, shared: Site) -> None:
    async with looking(browser, shared, "operator", viewport=PHONE, is_mobile=True) as page:
        await page.goto(f"{shared.url}/dashboard/jobs?status=failed")
        first = page.locator("tbody tr").first
        hidden = await page.locator(".scroll").evaluate("it => it.scrollWidth - it.clientWidth")

        assert hidden == 0
        await expect(first.locator(".row-error")).to_be_in_viewport()
        await expect(first.locator(".row-rest")).to_contain_text("ago")


async def test_long_tags_push_no_column_out_of_sight(browser: Browser, shared: Site) -> None:
    view = await shared.world.submit(tags=tuple(f"{number}{'x' * 60}" for number in range(4)))
    async with looking(browser, shared, "operator") as page:
        await page.goto(f"{shared.url}/dashboard/jobs?tag={view.tags[0]}")
        await expect(page.locator(f"#job-{view.job.id} td").last).to_be_in_viewport(ratio=1)
        # In full where there is room for it.
        await page.locator(f"#job-{view.job.id} a").first.click()
        await expect(page.get_by_role("link", name=view.tags[3])).to_be_visible()


async def test_a_page_follows_the_job_without_being_loaded_again(browser: Browser, shared: Site) -> None:
    view = await shared.world.submit()
    async with looking(browser, shared) as page:
        await page.goto(f"{shared.url}/dashboard/jobs/{view.job.id}")
        await expect(page.locator("[data-live-text]")).to_have_text("Live")
        await page.evaluate("window.isTheSame = true")
        await page.locator("#event-1 summary").click()
        view = await shared.world.start(view)
        await expect(page.locator("#event-2")).to_contain_text("Attempt 1 started")
        await shared.world.complete(view)

        await expect(page.locator(".under-title .status")).to_have_text("completed")
        await expect(page.locator("#event-3")).to_be_visible()
        # What was opened stays open.
        await expect(page.locator("#event-1 .changes")).to_be_visible()
        assert await page.evaluate("window.isTheSame")


async def test_the_overview_and_the_list_follow_what_happens(browser: Browser, shared: Site) -> None:
    async with looking(browser, shared) as page:
        count = page.locator("#tile-scheduled .tile-count")
        before = int(await count.inner_text())
        later = shared.world.clock.now().replace(year=2100)
        view = await shared.world.submit(run_at=later)
        await shared.world.count()
        await expect(count).to_have_text(str(before + 1))
        await page.locator("#tile-scheduled").click()
        await expect(page.locator(f"#job-{view.job.id}")).to_contain_text("scheduled")
        another = await shared.world.submit(run_at=later)
        await expect(page.locator(f"#job-{another.job.id}")).to_be_visible()


async def test_a_job_is_cancelled_with_a_reason_after_a_preview(browser: Browser, shared: Site) -> None:
    view = await shared.world.submit()
    async with looking(browser, shared) as page:
        await page.goto(f"{shared.url}/dashboard/jobs/{view.job.id}")
        await page.get_by_role("button", name="Cancel…").click()
        dialog = page.get_by_role("dialog", name="Cancel this job")
        await expect(dialog.locator(".preview")).to_contain_text("pending")
        await expect(dialog.locator(".preview")).to_contain_text("cancelled")
        await dialog.get_by_role("button", name="Cancel this job").click()
        # The browser itself asks for the reason.
        await expect(dialog.get_by_role("textbox")).to_be_focused()
        await dialog.get_by_role("textbox").fill("no longer needed")
        await dialog.get_by_role("button", name="Cancel this job").click()

        await expect(page.get_by_role("status").filter(has_text="The job was cancelled.")).to_be_visible()
        await expect(page.locator("#event-2 .reason")).to_have_text("no longer needed")
        await expect(page.get_by_role("button", name="Cancel…")).to_have_count(0)
        await expect(page.get_by_role("button", name="Retry…")).to_be_visible()


async def test_a_queue_is_paused_and_a_user_limited_by_dialogs(browser: Browser, shared: Site) -> None:
    async with looking(browser, shared, "operator") as page:
        await page.goto(f"{shared.url}/dashboard/limits")
        await page.get_by_role("button", name="Pause… send_invoice").click()
        dialog = page.get_by_role("dialog", name="Pause this queue")
        await dialog.get_by_role("textbox", name="Reason").fill("the mail server is down")
        await dialog.get_by_role("button", name="Pause this queue").click()
        queue = page.locator("#queue-send_invoice")
        await expect(queue).to_contain_text("paused")
        await expect(queue.locator(".reason")).to_have_text("the mail server is down")

        await page.get_by_role("button", name="Set a limit…").click()
        dialog = page.get_by_role("dialog", name="Set this limit")
        await dialog.get_by_label("User").fill("ana")
        await dialog.get_by_label("Concurrency").fill("3")
        await dialog.get_by_label("Starts").fill("60")
        await dialog.get_by_role("textbox", name="Reason").fill("their contract says so")
        await dialog.get_by_role("button", name="Set this limit").click()
        await expect(page.get_by_role("row", name="ana 3 60 in 60 s, 1 at once")).to_be_visible()
        found = await Axe().run(page, options=AXE_OPTIONS)
        assert found.violations_count == 0, found.generate_report()

        for opens, acts in [
            ("Remove… the limit", "Remove this limit"),
            ("Resume… send_invoice", "Resume this queue"),
        ]:
            await page.get_by_role("button", name=opens).click()
            dialog = page.get_by_role("dialog", name=acts)
            await dialog.get_by_role("textbox", name="Reason").fill("over")
            await dialog.get_by_role("button", name=acts).click()
            await expect(page.get_by_role("button", name=opens)).to_have_count(0)
        await expect(queue).to_contain_text("goes on")


async def test_an_act_on_what_moved_on_meanwhile_does_nothing_and_says_so(
    browser: Browser, shared: Site
) -> None:
    view = await shared.world.submit()
    async with looking(browser, shared) as page:
        await page.goto(f"{shared.url}/dashboard/jobs/{view.job.id}")
        await page.get_by_role("button", name="Cancel…").click()
        await shared.world.start(view)
        # While somebody decides, what they decide on stands still.
        await expect(page.locator("[data-live-text]")).to_have_text("Held while you choose")
        dialog = page.get_by_role("dialog", name="Cancel this job")
        await dialog.get_by_role("textbox").fill("no longer needed")
        await dialog.get_by_role("button", name="Cancel this job").click()

        await expect(page.get_by_role("alert")).to_contain_text("The job has moved on")
        await expect(page.locator(".under-title .status")).to_have_text("processing")


async def test_several_jobs_are_cancelled_at_once_by_the_keyboard_alone(
    browser: Browser, shared: Site
) -> None:
    views = [await shared.world.submit(tags=("by-keyboard",)) for _ in range(3)]
    async with looking(browser, shared) as page:
        await page.keyboard.press("/")
        await page.keyboard.type("by-keyboard")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/dashboard/jobs?tag=by-keyboard")
        await expect(page.get_by_role("button", name="Cancel…")).to_be_disabled()
        await page.locator("[data-pick-all]").focus()
        await page.keyboard.press("Space")
        await expect(page.locator("[data-picked]")).to_have_text("3 chosen")
        await page.get_by_role("button", name="Cancel…").press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Cancel 3 jobs")
        await page.get_by_label("Reason").press_sequentially("a test")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")

        await expect(page.get_by_role("heading", level=1)).to_have_text("3 jobs cancelled")
    for view in views:
        stream = await shared.world.services.store.read_stream(view.job.id)
        last = stream[-1].event
        assert isinstance(last, JobCancelled)
        assert last.reason == "a test"


async def test_everything_that_acts_works_without_scripts(browser: Browser, shared: Site) -> None:
    view = await shared.world.submit(user=UserId("no-script"))
    context = await browser.new_context(java_script_enabled=False, viewport=DESKTOP)
    page = await context.new_page()
    await page.goto(f"{shared.url}/dashboard/jobs")
    await page.get_by_label("Token").fill(shared.token("no-script"))
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("checkbox", name=f"Choose job {view.job.id}").check()
    await page.get_by_role("button", name="Cancel…").click()
    await page.get_by_label("Reason").fill("without scripts")
    await page.get_by_role("button", name="Cancel 1 job").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("1 job cancelled")
    await context.close()
    found = await shared.world.services.views.get(view.job.id)

    assert found
    assert found.job.status is Status.CANCELLED


async def test_auditors_find_no_button_and_a_history_that_prints_whole(
    browser: Browser, shared: Site, story: JobView
) -> None:
    async with looking(browser, shared, "auditor") as page:
        await page.goto(f"{shared.url}/dashboard/jobs/{story.job.id}")
        await expect(page.get_by_role("button", name="Cancel…")).to_have_count(0)
        await page.emulate_media(media="print")

        await expect(page.locator("#event-1 .provenance")).to_be_visible()
        await expect(page.locator(".side")).to_be_hidden()
        await expect(page.get_by_text("Printed by local-user (auditor)")).to_be_visible()
        assert await page.locator(".heading time").first.is_visible()


async def test_a_chart_says_what_is_under_the_pointer_and_as_a_table(browser: Browser, shared: Site) -> None:
    async with looking(browser, shared, "operator") as page:
        await page.locator("#throughput .hit").nth(50).hover()
        await expect(page.locator(".tip")).to_contain_text("completed")
        await page.locator("#throughput summary").click()
        await expect(page.locator("#throughput tbody tr")).to_have_count(60)
