"""Light, dark, or as the system has it."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from entrypoints.dashboard.forms import Sent
from entrypoints.dashboard.pages import HOME, PageRoute
from entrypoints.dashboard.session import inside, is_https

A_YEAR = 365 * 86_400

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.post(f"{HOME}/theme")
async def choose_theme(request: Request, form: Sent) -> Response:
    answer = RedirectResponse(inside(form.one("next")), 303)
    answer.set_cookie(
        "jobledger_theme",
        form.one("theme") if form.one("theme") in ("light", "dark") else "auto",
        max_age=A_YEAR,
        path=HOME,
        secure=is_https(request),
        httponly=True,
        samesite="strict",
    )
    return answer
