"""A way past FastAPI for good requests of a few routes: it documents them, and refuses for them. Pure ASGI.

FastAPI looks a route up among all, and works out what its endpoint needs, anew for each request; for
`POST /jobs` that took a third of the time. Here both are worked out once. Whatever is not plain (a body that
is no JSON or does not fit, a repeated header, an overridden dependency) goes on to FastAPI as it came, so
that every refusal is the same.
"""

import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NamedTuple, cast

import orjson
from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.errors import InvalidSubmission, JobledgerError

Refused = Callable[[Request, JobledgerError], Awaitable[Response]]
JSON = (b"content-type", b"application/json")
# What may be an integer beyond 64 bits, of which the fast reader makes a float; the standard one keeps it.
LONG_NUMBER = re.compile(rb"[0-9]{19}")


class QuickRoutes:
    """Serves endpoints that take the request, async dependencies, text headers and one JSON model.

    `refused` answers the domain's errors. Raises TypeError when one of `routes` needs more.
    """

    def __init__(self, app: ASGIApp, *, routes: Iterable[BaseRoute], refused: Refused) -> None:
        self._app = app
        self._refused = refused
        self._plans = {
            (method, route.path): _Plan(route)
            for route in routes
            if isinstance(route, APIRoute)
            for method in route.methods or ()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        plan = self._plans.get((scope.get("method", ""), scope["path"])) if "path" in scope else None
        if plan is None or not plan.suits(scope):
            await self._app(scope, receive, send)
            return
        read: list[Message] = []
        given = plan.arguments(scope, await _body(receive, read))
        if given is None:
            await self._app(scope, _again(read, receive), send)
            return
        scope["route"], scope["endpoint"], scope["path_params"] = plan.route, plan.endpoint, {}
        request = Request(scope, receive)
        try:
            response = await plan.answer(request, given)
        except JobledgerError as error:
            response = await self._refused(request, error)
        await response(scope, receive, send)


class _Header(NamedTuple):
    argument: str
    name: bytes
    max_length: int


class _Call(NamedTuple):
    """A dependency: what to call, under which argument it wants the request, and what it wants of others."""

    function: Callable[..., Awaitable[Any]]
    request_argument: str | None
    needs: tuple[tuple[str, int], ...]


class _Plan:
    """What a route's endpoint needs, worked out."""

    def __init__(self, route: APIRoute) -> None:
        dependant = route.dependant
        self.route = route
        self.endpoint = cast("Callable[..., Awaitable[Response]]", dependant.call)
        self._calls, self._results = _compiled(dependant)
        self._headers = [_header(field) for field in dependant.header_params]
        self._body_argument, self._model = _body_of(dependant)
        self._request_argument = dependant.request_param_name

    def suits(self, scope: Scope) -> bool:
        return JSON in scope["headers"] and not scope["app"].dependency_overrides

    def arguments(self, scope: Scope, body: bytes | None) -> dict[str, Any] | None:
        """What is asked, as the endpoint takes it; None when that is for FastAPI to read."""
        given: dict[str, Any] = {}
        for header in self._headers:
            values = [value for name, value in scope["headers"] if name == header.name]
            if len(values) > 1 or (values and len(values[0]) > header.max_length):
                return None
            given[header.argument] = values[0].decode("latin-1") if values else None
        if body is None or LONG_NUMBER.search(body):
            return None
        try:
            given[self._body_argument] = self._model.model_validate(orjson.loads(body))
        except (orjson.JSONDecodeError, ValidationError, InvalidSubmission):
            # FastAPI asks first who is asking.
            return None
        return given

    async def answer(self, request: Request, given: dict[str, Any]) -> Response:
        results: list[Any] = []
        for function, request_argument, needs in self._calls:
            wanted = {name: results[place] for name, place in needs}
            if request_argument:
                wanted[request_argument] = request
            results.append(await function(**wanted))
        for name, place in self._results:
            given[name] = results[place]
        if self._request_argument:
            given[self._request_argument] = request
        return await self.endpoint(**given)


async def _body(receive: Receive, read: list[Message]) -> bytes | None:
    """The body, None when its sender hung up; what was read for it is put into `read`."""
    message = await receive()
    read.append(message)
    while message.get("more_body"):
        message = await receive()
        read.append(message)
    if message["type"] != "http.request":
        return None
    return read[0]["body"] if len(read) == 1 else b"".join(each["body"] for each in read)


def _again(read: list[Message], receive: Receive) -> Receive:
    """As `receive`, beginning with what was read already."""
    messages = iter(read)

    async def receive_again() -> Message:
        for message in messages:
            return message
        return await receive()

    return receive_again


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
            calls.append(
                _Call(function, needed.request_param_name or needed.http_connection_param_name, needs)
            )
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


def _body_of(dependant: Dependant) -> tuple[str, type[BaseModel]]:
    if dependant.query_params or dependant.path_params or dependant.cookie_params:
        raise TypeError("a quick route takes neither query nor path parameters nor cookies")
    if len(dependant.body_params) != 1:
        raise TypeError("a quick route takes one JSON model")
    (field,) = dependant.body_params
    return field.name, cast("type[BaseModel]", field.field_info.annotation)
