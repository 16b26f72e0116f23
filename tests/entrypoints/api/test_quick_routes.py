"""Quick routes answer as FastAPI's own would."""

from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any, cast

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Header, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.errors import JobledgerError, NotPermitted
from entrypoints.api.quick_routes import QuickRoutes


class Order(BaseModel):
    name: str
    count: int = 1


async def path_of(request: Request) -> str:
    return request.url.path


async def caller(path: Annotated[str, Depends(path_of)]) -> str:
    return f"caller of {path}"


async def endpoint(
    order: Order,
    request: Request,
    who: Annotated[str, Depends(caller)],
    path: Annotated[str, Depends(path_of)],
    x_key: Annotated[str | None, Header(max_length=5)] = None,
) -> Response:
    return JSONResponse([order.name, order.count, request.method, who, path, x_key])


async def refused(request: Request, error: JobledgerError) -> Response:
    return JSONResponse(str(error), 403)


def app_of(*, is_quick: bool) -> FastAPI:
    app = FastAPI()
    router = APIRouter()
    router.post("/orders")(endpoint)
    app.include_router(router)
    app.add_exception_handler(JobledgerError, cast("Any", refused))
    if is_quick:
        app.add_middleware(QuickRoutes, routes=router.routes, refused=refused)
    return app


def client_of(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (b'{"name": "a"}', {"content-type": "application/json"}),
        (b'{"name": "a", "count": 7}', {"content-type": "application/json", "x-key": "k"}),
        (b'{"name": "a", "count": "7"}', {"content-type": "application/json; charset=utf-8"}),
        (b'{"name": "a", "count": "many"}', {"content-type": "application/json"}),
        (b"{", {"content-type": "application/json"}),
        (b"", {"content-type": "application/json"}),
        (b'{"name": "a"}', {"content-type": "text/plain"}),
        (b'{"name": "a"}', {"content-type": "application/json", "x-key": "too long"}),
    ],
)
async def test_what_is_asked_is_answered_as_fastapi_answers(content: bytes, headers: dict[str, Any]) -> None:
    answers = []
    for is_quick in (False, True):
        async with client_of(app_of(is_quick=is_quick)) as client:
            answer = await client.post("/orders", content=content, headers=headers)
            answers.append((answer.status_code, answer.json()))

    assert answers[0] == answers[1]


async def test_a_good_request_does_not_reach_fastapi_and_any_other_does() -> None:
    seen: list[str] = []

    class Watching:
        def __init__(self, app: ASGIApp) -> None:
            self._app = app

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            seen.append(scope["path"])
            await self._app(scope, receive, send)

    app = FastAPI()
    router = APIRouter()
    router.post("/orders")(endpoint)
    app.include_router(router)
    app.add_middleware(Watching)
    app.add_middleware(QuickRoutes, routes=router.routes, refused=refused)
    async with client_of(app) as client:
        quick = await client.post("/orders", json={"name": "a"})
        await client.post("/orders", json={"count": 7})
        await client.post("/elsewhere", json={"name": "a"})

    assert quick.json() == ["a", 1, "POST", "caller of /orders", "/orders", None]
    assert seen == ["/orders", "/elsewhere"]


async def test_a_body_in_pieces_is_put_together_and_a_bad_one_is_passed_on_whole() -> None:
    async def pieces(*texts: bytes) -> AsyncIterator[bytes]:
        for text in texts:
            yield text

    headers = {"content-type": "application/json"}
    async with client_of(app_of(is_quick=True)) as client:
        good = await client.post("/orders", content=pieces(b'{"name"', b": ", b'"a"}'), headers=headers)
        bad = await client.post("/orders", content=pieces(b'{"count"', b": ", b"7}"), headers=headers)

    assert good.json()[:2] == ["a", 1]
    assert (bad.status_code, bad.json()["detail"][0]["loc"]) == (422, ["body", "name"])


async def test_whoever_hangs_up_before_the_end_is_not_served() -> None:
    served: list[str] = []

    async def notes(order: Order) -> Response:
        served.append(order.name)
        return JSONResponse(None)

    app = FastAPI()
    router = APIRouter()
    router.post("/orders")(notes)
    app.include_router(router)
    app.add_middleware(QuickRoutes, routes=router.routes, refused=refused)
    messages: Iterator[Message] = iter(
        [
            {"type": "http.request", "body": b'{"name": "a"}', "more_body": True},
            {"type": "http.disconnect"},
            {"type": "http.disconnect"},
        ]
    )
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/orders",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
    }

    async def receive() -> Message:
        return next(messages)

    async def send(message: Message) -> None: ...

    await app(scope, receive, send)

    assert served == []


async def test_an_error_of_the_domain_is_refused() -> None:
    async def never(order: Order) -> Response:
        raise NotPermitted(order.name)

    app = FastAPI()
    router = APIRouter()
    router.post("/orders")(never)
    app.include_router(router)
    app.add_middleware(QuickRoutes, routes=router.routes, refused=refused)
    async with client_of(app) as client:
        answer = await client.post("/orders", json={"name": "not you"})

    assert (answer.status_code, answer.json()) == (403, "not you")


async def test_overridden_dependencies_are_used() -> None:
    app = app_of(is_quick=True)
    app.dependency_overrides[path_of] = lambda: "elsewhere"
    async with client_of(app) as client:
        answer = await client.post("/orders", json={"name": "a"})

    assert answer.json() == ["a", 1, "POST", "caller of elsewhere", "elsewhere", None]


def test_an_endpoint_that_needs_more_is_refused_at_the_start() -> None:
    async def needs_a_query(order: Order, page: Annotated[int, Query()]) -> Response:
        return JSONResponse([order.name, page])

    router = APIRouter()
    router.post("/orders")(needs_a_query)

    with pytest.raises(TypeError, match="neither query nor path"):
        QuickRoutes(FastAPI(), routes=router.routes, refused=refused)
