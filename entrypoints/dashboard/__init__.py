"""The dashboard: pages for people under `/dashboard`, made on the server over the same ports as the API."""

from fastapi import FastAPI

from entrypoints.dashboard import (
    acts,
    job_page,
    jobs_page,
    ledger_page,
    limits_page,
    operations,
    overview,
    preferences,
    sample,
    session,
    unknown,
)
from entrypoints.dashboard.assets import ASSETS_PATH, Assets
from entrypoints.dashboard.figures import Figures

PAGES = (
    session,
    preferences,
    overview,
    jobs_page,
    job_page,
    acts,
    sample,
    operations,
    ledger_page,
    limits_page,
    # Last: it takes every other address.
    unknown,
)


def install(app: FastAPI) -> None:
    """Serve the dashboard's pages and files from `app`, which already serves the API."""
    app.state.figures = Figures(lambda: app.state.services)
    app.mount(ASSETS_PATH, Assets())
    for page in PAGES:
        app.include_router(page.router)
