"""Signing in with a token, and out."""

from datetime import UTC
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from domain.errors import NotAuthenticated
from entrypoints.dashboard.forms import Sent
from entrypoints.dashboard.pages import HOME, SIGN_IN, PageRoute, page
from entrypoints.dashboard.viewer import COOKIE

# Browsers drop larger cookies without a word.
MAX_COOKIE_BYTES = 4000

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get(SIGN_IN)
async def show_sign_in(request: Request, next_page: Annotated[str, Query(alias="next")] = HOME) -> Response:
    return page(request, "sign_in.html", detail="", next=inside(next_page), again=False)


@router.post(SIGN_IN)
async def sign_in(request: Request, form: Sent) -> Response:
    """Keep the token in a cookie that scripts cannot read and that ends when the token does."""
    token = form.one("token").removeprefix("Bearer ").strip()
    if not token:
        raise NotAuthenticated("Paste a token first.")
    verified = await request.app.state.verifier.verify(token)
    if len(token) > MAX_COOKIE_BYTES:
        raise NotAuthenticated(
            "This token is too long for a browser's cookie; ask for one with fewer claims."
        )
    request.state.user_id = verified.user_id
    answer = RedirectResponse(inside(form.one("next")), 303)
    answer.set_cookie(
        COOKIE,
        token,
        expires=verified.expires_at.astimezone(UTC),
        path=HOME,
        secure=is_https(request),
        httponly=True,
        samesite="strict",
    )
    return answer


@router.post(f"{HOME}/sign-out")
async def sign_out(request: Request, _: Sent) -> Response:
    answer = RedirectResponse(SIGN_IN, 303)
    answer.delete_cookie(COOKIE, path=HOME, secure=is_https(request), httponly=True, samesite="strict")
    return answer


def is_https(request: Request) -> bool:
    """As the browser sees it, which a proxy that speaks TLS may not have told us."""
    return request.url.scheme == "https" or request.headers.get("origin", "").startswith("https:")


def inside(path: str) -> str:
    """A page of the dashboard, never another site's."""
    is_ours = path == HOME or path.startswith((f"{HOME}/", f"{HOME}?"))
    return path if is_ours and not path.startswith(SIGN_IN) and path.isprintable() else HOME
