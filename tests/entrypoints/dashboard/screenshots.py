"""Takes the screenshots of docs/dashboard.md: `uv run python -m tests.entrypoints.dashboard.screenshots`.

They show the world that the tests look at. Their times are new each time, so they are not taken by each run.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

import structlog
from playwright.async_api import Browser, Page, ViewportSize

from tests.entrypoints.dashboard.conftest import CHROMIUM, Site, chromium, served, sign_in

IMAGES = Path(__file__).parents[3] / "docs" / "images"
WIDTH, PHONE_WIDTH = 1240, 390
JOBS = 700


class Shot(NamedTuple):
    """What is looked at: a path, and what is done there first; `height` is of the part that is shown."""

    name: str
    path: str
    height: int
    scheme: str = "light"
    width: int = WIDTH
    first: Callable[[Page], Awaitable[None]] | None = None
    media: str = "screen"


async def ask_to_cancel(page: Page) -> None:
    await page.get_by_role("button", name="Cancel…").click()
    await page.get_by_role("dialog").get_by_role("textbox").fill("the figures of August are missing")


async def open_an_event(page: Page) -> None:
    await page.locator("#event-7 summary").click()
    await page.locator("#event-7").scroll_into_view_if_needed()
    await page.evaluate("window.scrollBy(0, 220)")


async def point_at_a_step(page: Page) -> None:
    await page.locator("#throughput .hit").nth(44).hover()


def shots(job: str) -> list[Shot]:
    page = f"/dashboard/jobs/{job}"
    return [
        Shot("overview", "/dashboard", 1010, first=point_at_a_step),
        Shot("overview-dark", "/dashboard", 1010, "dark"),
        Shot("jobs", "/dashboard/jobs?status=failed&status=retrying&status=processing", 640),
        Shot("job", page, 900),
        Shot("job-history", page, 720, first=open_an_event),
        Shot("job-cancel", page, 640, "dark", first=ask_to_cancel),
        Shot("operations", "/dashboard/operations", 760),
        Shot("limits", "/dashboard/limits", 760),
        Shot("ledger", "/dashboard/ledger", 760, "dark"),
        Shot("phone-overview", "/dashboard", 844, width=PHONE_WIDTH),
        Shot("phone-jobs", "/dashboard/jobs?status=failed&status=retrying", 844, width=PHONE_WIDTH),
        Shot("phone-job", page, 844, "dark", width=PHONE_WIDTH),
        Shot("print", page, 900, width=760, media="print"),
    ]


async def take(browser: Browser, site: Site, shot: Shot) -> None:
    viewport: ViewportSize = {"width": shot.width, "height": shot.height}
    dark = shot.scheme == "dark"
    context = await browser.new_context(
        viewport=viewport, color_scheme="dark" if dark else "light", reduced_motion="reduce"
    )
    page = await context.new_page()
    await sign_in(page, site, "op-erika", "operator")
    await page.goto(site.url + shot.path)
    await page.wait_for_selector("[data-live=on]")
    if shot.media == "print":
        await page.emulate_media(media="print")
    if shot.first:
        await shot.first(page)
    await page.screenshot(path=IMAGES / f"dashboard-{shot.name}.png")
    await context.close()


async def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    IMAGES.mkdir(exist_ok=True)
    async with served(JOBS) as site, chromium() as browser:
        job = await site.world.troubled_job()
        await site.world.limit()
        await site.world.count()
        await site.world.seal()
        for shot in shots(job.job.id):
            await take(browser, site, shot)


if __name__ == "__main__":
    if CHROMIUM is None:
        raise SystemExit("Chromium is not installed; Debian's package is named chromium.")
    asyncio.run(main())
