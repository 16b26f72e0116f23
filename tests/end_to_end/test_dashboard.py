"""The dashboard in Chromium over everything that `jobledger up` starts: PostgreSQL, worker, relay, sealer."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.end_to_end.up import Up, started, until
from tests.entrypoints.dashboard.conftest import ARGUMENTS, CHROMIUM

# However busy the machine is; nothing is waited for that long where it is not.
PATIENCE_MS = 60_000
REASON = "the customer changed their mind"


@pytest.fixture
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed; Debian's package is named chromium.")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield launched
        launched.close()


def signed_in(browser: Browser, up: Up, user: str, *roles: str) -> Page:
    token = up.token("--user", user, *(word for role in roles for word in ("--role", role)))
    page = browser.new_context(reduced_motion="reduce").new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{up.url}/dashboard/sign-in#token={token}")
    page.wait_for_url(f"{up.url}/dashboard")
    return page


def fill_in(page: Page, button: str) -> None:
    page.get_by_role("dialog").get_by_role("textbox").fill(REASON)
    page.get_by_role("dialog").get_by_role("button", name=button).click()


def test_the_main_paths_over_a_whole_service(browser: Browser, tmp_path: Path) -> None:
    with started(tmp_path / "data", LEASE_SECONDS="60") as up:
        done = up.submit(result=42)
        broken = up.submit_as(
            "sample_task", job_parameters={"fail_on_attempts": [1], "retryable": False}, tags=["broken"]
        )
        running = up.submit(duration_seconds=3600)
        late = [up.submit_as("sample_task", run_at="2100-01-01T00:00:00Z", tags=["late"]) for _ in range(3)]
        up.wait_for_all([done, broken])
        until(lambda: up.job(running)["status"] == "processing", PATIENCE_MS / 1000)
        page = signed_in(browser, up, "op-erika", "operator", "auditor")

        # Counted by the relay from what was recorded, and told by events.
        expect(page.locator("#tile-scheduled .tile-count")).to_have_text("3")
        expect(page.locator("#tile-failed .tile-count")).to_have_text("1")

        page.goto(f"{up.url}/dashboard/jobs")
        expect(page.locator("[id^=job-0]")).to_have_count(6)
        page.goto(f"{up.url}/dashboard/jobs?status=failed&tag=broken")
        expect(page.locator("[id^=job-0]")).to_have_count(1)
        page.locator(f"#job-{broken} a").first.click()
        expect(page.locator(".under-title .status")).to_have_text("failed")
        expect(page.locator("#event-3")).to_contain_text("The job failed")

        _is_proven(page, up, done)
        _cancel(page, up, running)
        _cancel_many(page, up)

        assert [up.job(job_id)["status"] for job_id in late] == ["cancelled"] * 3
        assert up.events(late[0])[-1]["data"]["reason"] == REASON
        assert up.events(late[0])[-1]["actor"] == {"kind": "operator", "id": "op-erika"}


def _is_proven(page: Page, up: Up, job_id: str) -> None:
    page.goto(f"{up.url}/dashboard/jobs/{job_id}")
    badge = page.locator(".proof")

    def is_there() -> bool:
        page.reload()
        return badge.inner_text() == "proven"

    until(is_there, PATIENCE_MS / 1000, told=lambda: f"the badge says {badge.inner_text()!r}")
    expect(page.locator("[aria-label='Signed checkpoint']")).to_contain_text("jobledger")


def _cancel(page: Page, up: Up, job_id: str) -> None:
    page.goto(f"{up.url}/dashboard/jobs/{job_id}")
    page.get_by_role("button", name="Cancel…").click()
    fill_in(page, "Cancel this job")
    # Its worker is asked to stop, and the page follows.
    expect(page.locator(".under-title .status")).to_have_text("cancelled")
    expect(page.locator("#history .reason, .event .reason").first).to_have_text(REASON)


def _cancel_many(page: Page, up: Up) -> None:
    page.goto(f"{up.url}/dashboard/jobs?status=scheduled&tag=late")
    page.locator("[data-pick-all]").check()
    page.get_by_role("button", name="Cancel…").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Cancel 3 jobs")
    page.get_by_label("Reason").fill(REASON)
    page.get_by_role("button", name="Cancel 3 jobs").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("3 jobs cancelled")
