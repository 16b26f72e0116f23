"""Quick routes answer as FastAPI's own would."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Header, Query, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel

from entrypoints.api.quick_route import QuickRoute


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


async def client_of(route_class: type[APIRoute]) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    router = APIRouter(route_class=route_class)
    router.post("/orders")(endpoint)
    app.include_router(router)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


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
    for route_class in (APIRoute, QuickRoute):
        async for client in client_of(route_class):
            answer = await client.post("/orders", content=content, headers=headers)
            answers.append((answer.status_code, answer.json()))

    assert answers[0] == answers[1]


async def test_overridden_dependencies_are_used() -> None:
    app = FastAPI()
    router = APIRouter(route_class=QuickRoute)
    router.post("/orders")(endpoint)
    app.include_router(router)
    app.dependency_overrides[path_of] = lambda: "elsewhere"
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        answer = await client.post("/orders", json={"name": "a"})

    assert answer.json() == ["a", 1, "POST", "caller of elsewhere", "elsewhere", None]


def test_an_endpoint_that_needs_more_is_refused_at_the_start() -> None:
    async def needs_a_query(order: Order, page: Annotated[int, Query()]) -> Response:
        return JSONResponse([order.name, page])

    router = APIRouter(route_class=QuickRoute)

    with pytest.raises(TypeError, match="neither query nor path"):
        router.post("/orders")(needs_a_query)
