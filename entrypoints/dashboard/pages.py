"""How every page is made and refused: templates, the headers of HTML, and refusals as pages."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import structlog
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException

from domain.errors import InvalidSubmission, JobledgerError, JobNotFound, NotAuthenticated
from domain.use_cases.archived import archived_instead
from entrypoints.api.problems import HTTP_KINDS, INTERNAL, KINDS, Kind
from entrypoints.dashboard import words
from entrypoints.dashboard.assets import asset

log = structlog.get_logger()

HOME = "/dashboard"
SIGN_IN = f"{HOME}/sign-in"
# Nothing from elsewhere, nothing inline, nothing evaluated, no frame around it.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    # The sign-in's answer depends on the cookie, and so does everything after it.
    "Vary": "Cookie",
}

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {"asset": asset, "words": words}
    made.filters |= {
        "duration": words.duration,
        "number": words.number,
        "instant": words.instant,
        "short": words.short_id,
    }
    return made


TEMPLATES = _environment()


def render(template: str, **values: Any) -> str:
    return TEMPLATES.get_template(template).render(**values)


def page(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A whole page; templates find the request's theme and id beside `values`."""
    values |= {
        "theme": theme_of(request),
        "path": request.scope["path"],
        "request_id": request.state.request_id,
        "viewer": values.get("viewer"),
        "problem": values.get("problem"),
        "done": request.query_params.get("done", ""),
    }
    return HTMLResponse(render(template, **values), status, HEADERS)


def theme_of(request: Request) -> str:
    theme = request.cookies.get("jobledger_theme", "")
    return theme if theme in ("light", "dark") else "auto"


class PageRoute(APIRoute):
    """Answers every refusal with a page that says what is wrong, under the API's status for it."""

    def get_route_handler(self) -> Handler:
        answer = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                response = await answer(request)
            except JobNotFound as missing:
                return await _refuse(
                    request, await archived_instead(request.app.state.services.archived_months, missing)
                )
            except JobledgerError as error:
                return await _refuse(request, error)
            except RequestValidationError as error:
                return refused(request, KINDS[InvalidSubmission], _named(error))
            except HTTPException as error:
                kind = HTTP_KINDS.get(error.status_code, Kind(error.status_code, "refused", "Refused"))
                return refused(request, kind, str(error.detail))
            except Exception:
                # The edge of a page: whoever looks at a browser gets a page, the log gets the trace.
                log.exception("request.failed")
                return refused(request, INTERNAL, "")
            response.headers.update({**HEADERS, **response.headers})
            return response

        return handle


async def _refuse(request: Request, error: JobledgerError) -> HTMLResponse:
    await record_refusal(request, error)
    template = "sign_in.html" if isinstance(error, NotAuthenticated) else "problem.html"
    return refused(request, KINDS[type(error)], _told(error), template)


async def record_refusal(request: Request, error: JobledgerError) -> None:
    """Refused acts are recorded here as they are by the API."""
    kind = KINDS[type(error)]
    # Whoever comes without a token is shown where to sign in, and was refused nothing.
    if kind is not INTERNAL and str(error):
        await request.app.state.records.refused(request, error, status=kind.status, problem=kind.slug)


def refused(request: Request, kind: Kind, detail: str, template: str = "problem.html") -> HTMLResponse:
    path, query = request.scope["path"], request.url.query
    here = f"{path}?{query}" if query else path
    back = here if request.method == "GET" and not path.endswith("/live") else HOME
    return page(
        request, template, kind.status, kind=kind, detail=detail, next=back, again=_comes_again(request)
    )


def _comes_again(request: Request) -> bool:
    """Whether the browser kept the cookie to itself because another site's link led here: ask once more."""
    is_from_elsewhere = request.headers.get("sec-fetch-site") == "cross-site"
    return (
        is_from_elsewhere and request.headers.get("sec-fetch-mode") == "navigate" and request.method == "GET"
    )


def _told(error: JobledgerError) -> str:
    if KINDS[type(error)] is INTERNAL:
        return ""
    if isinstance(error, InvalidSubmission):
        return " ".join(f"{item.pointer.rsplit('/', 1)[-1]}: {item.detail}" for item in error.problems)
    return str(error)


def _named(error: RequestValidationError) -> str:
    return " ".join(f"{item['loc'][-1]}: {item['msg']}." for item in error.errors())
