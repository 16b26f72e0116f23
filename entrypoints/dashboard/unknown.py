"""Every other address under the dashboard, as a page; included last."""

from fastapi import APIRouter, Response
from starlette.exceptions import HTTPException

from entrypoints.dashboard.pages import HOME, PageRoute
from entrypoints.dashboard.viewer import SignedIn

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get(f"{HOME}/{{rest:path}}")
async def unknown(rest: str, _: SignedIn) -> Response:
    raise HTTPException(404, f"The dashboard has no page {rest}.")
