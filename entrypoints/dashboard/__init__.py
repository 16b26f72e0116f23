"""The dashboard: pages for people under `/dashboard`, made on the server over the same ports as the API."""

from fastapi import FastAPI

from entrypoints.dashboard import (
    acts,
    job_page,
    jobs_page,
    operations,
    overview,
    preferences,
    session,
    unknown,
)
from entrypoints.dashboard.assets import ASSETS_PATH, Assets
from entrypoints.dashboard.figures import Figures


def install(app: FastAPI) -> None:
    """Serve the dashboard's pages and files from `app`, which already serves the API."""
    app.state.figures = Figures(lambda: app.state.services)
    app.mount(ASSETS_PATH, Assets())
    for page in (session, preferences, overview, jobs_page, job_page, acts, operations, unknown):
        app.include_router(page.router)
