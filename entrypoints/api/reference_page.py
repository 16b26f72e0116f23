"""The page under `/docs` where people read the API and try it, with nothing that comes from elsewhere."""

from fastapi import FastAPI, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.staticfiles import StaticFiles

from entrypoints.dashboard.assets import ASSETS_PATH

PAGE = "/docs"
# Beside the page, not below: what is mounted below a path answers for all of it.
ASSETS = "/docs-assets"


def install(app: FastAPI) -> None:
    """Serve the page from `app`."""
    app.mount(ASSETS, StaticFiles(packages=[("fastapi_offline", "static")]))
    app.add_api_route(PAGE, _page, include_in_schema=False)


async def _page(request: Request) -> Response:
    below = request.scope.get("root_path", "")
    return get_swagger_ui_html(
        openapi_url=f"{below}{request.app.openapi_url}",
        title=request.app.title,
        swagger_js_url=f"{below}{ASSETS}/swagger-ui-bundle.js",
        swagger_css_url=f"{below}{ASSETS}/swagger-ui.css",
        swagger_favicon_url=f"{below}{ASSETS_PATH}/mark.svg",
    )
