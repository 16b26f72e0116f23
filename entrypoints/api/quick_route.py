"""Routes that FastAPI documents and refuses for, and whose good requests are answered without its machinery.

FastAPI works out what an endpoint needs anew for each request, which took a quarter of the time of
`POST /jobs`. A QuickRoute works it out once. Whatever is not plain (a body that is no JSON or does not fit, a
repeated header, an overridden dependency) goes through FastAPI's own handler, so that every refusal is the
same.
"""

import re
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, NamedTuple, cast

import orjson
from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError

from domain.errors import InvalidSubmission

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
JSON = b"application/json"
# What may be an integer beyond 64 bits, of which the fast reader makes a float; the standard one keeps it.
LONG_NUMBER = re.compile(rb"[0-9]{19}")


class _Unplain(Exception):
    """The request is for FastAPI's own handler."""


class _Header(NamedTuple):
    argument: str
    name: bytes
    max_length: int


class _Call(NamedTuple):
    """A dependency: what to call, under which argument its result is wanted, and what it wants itself."""

    argument: str
    function: Callable[..., Awaitable[Any]]
    request_argument: str | None
    needs: tuple[tuple[str, int], ...]


class QuickRoute(APIRoute):
    """Serves endpoints that take the request, async dependencies, text headers and one JSON model.

    Raises TypeError when it is made of an endpoint that needs more.
    """

    def get_route_handler(self) -> Handler:
        general = super().get_route_handler()
        endpoint = cast("Callable[..., Awaitable[Response]]", self.dependant.call)
        calls, arguments = _compiled(self.dependant)
        headers = [_header(field) for field in self.dependant.header_params]
        body = _body(self.dependant)
        request_argument = self.dependant.request_param_name

        async def handle(request: Request) -> Response:
            if request.app.dependency_overrides:
                return await general(request)
            try:
                given = _headers_of(request, headers)
                if body:
                    given[body[0]] = await _model_of(request, body[1])
            except _Unplain:
                return await general(request)
            results: list[Any] = []
            for call in calls:
                wanted = {name: results[place] for name, place in call.needs}
                if call.request_argument:
                    wanted[call.request_argument] = request
                results.append(await call.function(**wanted))
            given |= {name: results[place] for name, place in arguments}
            if request_argument:
                given[request_argument] = request
            return await endpoint(**given)

        return handle


def _compiled(dependant: Dependant) -> tuple[list[_Call], tuple[tuple[str, int], ...]]:
    """The calls in an order in which each finds what it needs, and which results the endpoint takes."""
    calls: list[_Call] = []
    places: dict[Any, int] = {}

    def place_of(needed: Dependant) -> int:
        if needed.call not in places:
            if needed.header_params or needed.query_params or needed.path_params or needed.body_params:
                raise TypeError(
                    f"a quick route's dependency takes the request and others only: {needed.name}"
                )
            needs = tuple((child.name or "", place_of(child)) for child in needed.dependencies)
            function = cast("Callable[..., Awaitable[Any]]", needed.call)
            request_argument = needed.request_param_name or needed.http_connection_param_name
            calls.append(_Call(needed.name or "", function, request_argument, needs))
            places[needed.call] = len(calls) - 1
        return places[needed.call]

    # Those of the router have no name: they only look.
    wanted = [(child.name or "", place_of(child)) for child in dependant.dependencies]
    return calls, tuple((name, place) for name, place in wanted if name)


def _header(field: Any) -> _Header:
    longest = [limit.max_length for limit in field.field_info.metadata if hasattr(limit, "max_length")]
    if field.field_info.annotation != (str | None) or len(longest) != 1:
        raise TypeError(f"a quick route's headers are optional texts of a bounded length: {field.name}")
    return _Header(field.name, field.alias.encode(), longest[0])


def _body(dependant: Dependant) -> tuple[str, type[BaseModel]] | None:
    if dependant.query_params or dependant.path_params or dependant.cookie_params:
        raise TypeError("a quick route takes neither query nor path parameters nor cookies")
    if not dependant.body_params:
        return None
    (field,) = dependant.body_params
    return field.name, field.field_info.annotation  # type: ignore[return-value]  # a model, or pydantic fails


def _headers_of(request: Request, headers: list[_Header]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for header in headers:
        given = [value for name, value in request.scope["headers"] if name == header.name]
        if len(given) > 1 or (given and len(given[0]) > header.max_length):
            raise _Unplain
        found[header.argument] = given[0].decode("latin-1") if given else None
    return found


async def _model_of(request: Request, model: type[BaseModel]) -> BaseModel:
    if (b"content-type", JSON) not in request.scope["headers"]:
        raise _Unplain
    body = await request.body()
    if LONG_NUMBER.search(body):
        raise _Unplain
    try:
        return model.model_validate(orjson.loads(body))
    except (orjson.JSONDecodeError, ValidationError, InvalidSubmission) as error:
        # FastAPI's handler asks first who is asking.
        raise _Unplain from error
